"""Whether the lines of a requirements.txt are satisfied here.

`packaging` would do this, but the core does not depend on it; what extensions write is names, extras, versions and markers.
"""

from __future__ import annotations

import ast
import os
import platform
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

_LINE = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)\s*(\[[^\]]*\])?\s*([^;@]*)(@[^;]*)?(?:;(.*))?$")
_CLAUSE = re.compile(r"\s*(===|==|!=|~=|>=|<=|>|<)\s*([^\s,]+)\s*")
DISTRIBUTION = "stream-talk"

VersionOf = Callable[[str], "str | None"]


@dataclass(frozen=True)
class Requirement:
    name: str
    versions: str = ""
    marker: str = ""

    def __str__(self) -> str:
        return f"{self.name}{self.versions}"

    @property
    def key(self) -> str:
        return re.sub(r"[-_.]+", "-", self.name).lower()


def installed_version(name: str) -> str | None:
    from importlib import metadata  # 25 ms that only checks should cost

    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def parse_line(line: str) -> Requirement | None:
    """A requirement, or None for comments, options and URLs without a name."""
    text = re.split(r"(?:^|\s)#", line, maxsplit=1)[0].strip()
    match = _LINE.match(text)
    if not text or text.startswith("-") or match is None:
        return None
    return Requirement(match[1], (match[3] or "").strip().replace(" ", ""), (match[5] or "").strip())


def read_requirements(path: Path) -> list[Requirement]:
    """All requirements of a file; an unreadable or missing file has none."""
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, ValueError):
        return []
    return [requirement for line in lines if (requirement := parse_line(line)) is not None]


def unmet(
    requirements: list[Requirement], version_of: VersionOf = installed_version
) -> Iterator[tuple[Requirement, str]]:
    """Requirements that apply here and are not satisfied, with what is there instead ("" when nothing is)."""
    for requirement in requirements:
        if not applies(requirement.marker):
            continue
        version = version_of(requirement.name)
        if version is None:
            yield requirement, ""
        elif not satisfies(version, requirement.versions):
            yield requirement, version


def satisfies(version: str, versions: str) -> bool:
    return all(_satisfies_one(version, operator, wanted) for operator, wanted in _CLAUSE.findall(versions))


def _satisfies_one(version: str, operator: str, wanted: str) -> bool:
    if operator in ("==", "!=") and wanted.endswith(".*"):
        prefix = _numbers(wanted[:-2])
        return (_numbers(version)[: len(prefix)] == prefix) is (operator == "==")
    ours, theirs = _padded(_numbers(version), _numbers(wanted))
    if operator == "~=":
        series = _numbers(wanted)[:-1]
        return ours >= theirs and _numbers(version)[: len(series)] == series
    return {
        "==": ours == theirs,
        "===": version == wanted,
        "!=": ours != theirs,
        ">=": ours >= theirs,
        "<=": ours <= theirs,
        ">": ours > theirs,
        "<": ours < theirs,
    }[operator]


def _numbers(version: str) -> tuple[int, ...]:
    """The release part: pre-releases count as their release, which is near enough for "is it installed"."""
    match = re.match(r"v?(?:\d+!)?(\d+(?:\.\d+)*)", version)
    return tuple(int(part) for part in match[1].split(".")) if match else ()


def _padded(left: tuple[int, ...], right: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    width = max(len(left), len(right))
    return left + (0,) * (width - len(left)), right + (0,) * (width - len(right))


def applies(marker: str) -> bool:
    """Whether an environment marker holds here; one that cannot be understood counts as holding."""
    if not marker:
        return True
    try:
        return _holds(ast.parse(marker, mode="eval").body)
    except (SyntaxError, ValueError, KeyError, RecursionError):
        return True


def _holds(node: ast.expr) -> bool:
    if isinstance(node, ast.BoolOp):
        parts = [_holds(value) for value in node.values]
        return all(parts) if isinstance(node.op, ast.And) else any(parts)
    if not isinstance(node, ast.Compare) or len(node.ops) != 1:
        raise ValueError("not a comparison")
    left, right = _operand(node.left), _operand(node.comparators[0])
    operator = node.ops[0]
    if isinstance(operator, (ast.In, ast.NotIn)):
        return (left in right) is isinstance(operator, ast.In)
    symbols = {ast.Eq: "==", ast.NotEq: "!=", ast.GtE: ">=", ast.LtE: "<=", ast.Gt: ">", ast.Lt: "<"}
    symbol = symbols[type(operator)]
    if not _numbers(left) or not _numbers(right):
        return (left == right) is (symbol == "==")
    return _satisfies_one(left, symbol, right)


def _operand(node: ast.expr) -> str:
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.Name):
        return _ENVIRONMENT[node.id]
    raise ValueError("not a marker operand")


_ENVIRONMENT = {
    "os_name": os.name,
    "sys_platform": sys.platform,
    "platform_machine": platform.machine(),
    "platform_system": platform.system(),
    "platform_python_implementation": platform.python_implementation(),
    "python_version": ".".join(platform.python_version_tuple()[:2]),
    "python_full_version": platform.python_version(),
    "implementation_name": sys.implementation.name,
    "extra": "",
}


def extra_with(requirement: Requirement) -> str | None:
    """The extra of our own distribution that brings a package, for a remedy that is one command."""
    from importlib import metadata

    try:
        lines = metadata.requires(DISTRIBUTION) or []
    except metadata.PackageNotFoundError:
        return None
    for line in lines:
        known = parse_line(line)
        match = re.search(r"extra\s*==\s*['\"]([^'\"]+)['\"]", line)
        if known is not None and match is not None and known.key == requirement.key and match[1] != "dev":
            return match[1]
    return None
