"""The dispatcher itself."""

import pytest
from stream_talk_cli import commands
from stream_talk_cli.main import command_names, main


@pytest.fixture
def command(tmp_path, monkeypatch):
    """Puts a module among the commands."""

    def add(name, code):
        (tmp_path / f"{name}.py").write_text(code)

    monkeypatch.setattr(commands, "__path__", [*commands.__path__, str(tmp_path)])
    return add


SHAPE = "HELP = 'does it'\ndef add_arguments(parser): pass\ndef run(args):\n    "


def test_every_command_has_its_shape(capsys):
    for name in command_names():
        with pytest.raises(SystemExit) as left:
            main([name, "--help"])
        assert left.value.code == 0
        assert capsys.readouterr().out.startswith(f"usage: stream-talk {name}")


def test_help_lists_what_cannot_be_imported(command, capsys):
    command("needy", "import no_such_package_at_all")
    with pytest.raises(SystemExit):
        main(["--help"])
    assert "(needs the Python package no_such_package_at_all)" in " ".join(capsys.readouterr().out.split())
    assert main(["needy"]) == 1
    assert capsys.readouterr().err == "needy needs the Python package no_such_package_at_all, which is not installed\n"


@pytest.mark.parametrize(
    ("body", "code", "told"),
    [
        ("return None", 0, ""),
        ("return 3", 3, ""),
        ("raise KeyboardInterrupt", 130, ""),
        ("from stream_talk_cli.errors import CommandError; raise CommandError('no such file')", 1, "no such file\n"),
        (
            "from ten_graph import GraphError; raise GraphError('is torn', where='nodes[0]', file='g.json')",
            1,
            "g.json: nodes[0]: is torn\n",
        ),
    ],
)
def test_how_a_command_ends(command, capsys, body, code, told):
    command(f"ending_{code}_{len(body)}", SHAPE + body)
    assert main([f"ending_{code}_{len(body)}"]) == code
    assert capsys.readouterr().err == told


def test_a_fault_of_ours_is_not_hidden(command):
    command("faulty", SHAPE + "raise ZeroDivisionError")
    with pytest.raises(ZeroDivisionError):
        main(["faulty"])
