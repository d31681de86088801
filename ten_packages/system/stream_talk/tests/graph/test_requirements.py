import sys

import pytest
from stream_talk.graph.requirements import applies, parse_line, satisfies, unmet


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("numpy", ("numpy", "", "")),
        ("piper-tts >= 1.3, <2  # voices", ("piper-tts", ">=1.3,<2", "")),
        ("kokoro_onnx[gpu]~=0.4 ; sys_platform == 'linux'", ("kokoro_onnx", "~=0.4", "sys_platform == 'linux'")),
        ("thing @ https://example.org/thing.whl", ("thing", "", "")),
    ],
)
def test_lines(line, expected):
    requirement = parse_line(line)
    assert (requirement.name, requirement.versions, requirement.marker) == expected


@pytest.mark.parametrize("line", ["", "   ", "# comment", "-r other.txt", "--index-url https://x"])
def test_lines_that_require_nothing(line):
    assert parse_line(line) is None


@pytest.mark.parametrize(
    ("version", "versions", "fits"),
    [
        ("1.10.0", ">=1.9", True),
        ("1.3", ">=1.3.0", True),
        ("1.2.9", ">=1.3", False),
        ("2.0", ">=1.3,<2", False),
        ("1.4.7", "~=1.4.2", True),
        ("1.5.0", "~=1.4.2", False),
        ("1.9", "~=1.4", True),
        ("2.1.3", "==2.1.*", True),
        ("2.2.0", "!=2.1.*", True),
        ("2.0+cpu", "==2.0", True),
        ("1.0rc1", ">=1.0", True),
        ("9", "", True),
    ],
)
def test_versions(version, versions, fits):
    assert satisfies(version, versions) is fits


@pytest.mark.parametrize(
    ("marker", "holds"),
    [
        ("", True),
        (f"sys_platform == '{sys.platform}'", True),
        ("sys_platform == 'no_such_os'", False),
        ("python_version >= '3.10' and python_version < '4'", True),
        ("python_version < '3.10' or sys_platform == 'no_such_os'", False),
        ("extra == 'gpu'", False),
        ("something unreadable (", True),
    ],
)
def test_markers(marker, holds):
    assert applies(marker) is holds


def test_unmet_says_what_is_there():
    installed = {"a": "1.0"}
    requirements = [parse_line(line) for line in ("a>=2", "b", "a", "c; sys_platform == 'no_such_os'")]
    assert [(str(r), found) for r, found in unmet(requirements, installed.get)] == [("a>=2", "1.0"), ("b", "")]
