import sys

import pytest
from stream_talk_cli.main import main

BENCH = '''
"""A measurement."""
HELP = "how long a piece of string is"

def add_arguments(parser):
    parser.add_argument("--cm", type=int, default=1)

def run(args):
    print("string:", args.cm)
    return 0
'''


@pytest.fixture
def app(tmp_path, monkeypatch):
    (tmp_path / "bench").mkdir()
    (tmp_path / "bench" / "__init__.py").touch()
    (tmp_path / "bench" / "string_length.py").write_text(BENCH)
    (tmp_path / "bench" / "tools.py").write_text("raise RuntimeError('is not imported')")
    monkeypatch.setenv("STREAM_TALK_HOME", str(tmp_path))
    monkeypatch.setattr("sys.path", [*sys.path])
    for name in [name for name in sys.modules if name.partition(".")[0] == "bench"]:
        monkeypatch.delitem(sys.modules, name)


def test_all_are_listed(app, capsys):
    assert main(["bench"]) == 0
    assert capsys.readouterr().out == "string_length    how long a piece of string is\n"


def test_one_gets_its_own_arguments(app, capsys):
    assert main(["bench", "string_length", "--cm", "7"]) == 0
    assert capsys.readouterr().out == "string: 7\n"


def test_an_unknown_one_is_told(app, capsys):
    assert main(["bench", "strong_length"]) == 1
    assert capsys.readouterr().err == 'there is no benchmark "strong_length"; there is: string_length\n'
