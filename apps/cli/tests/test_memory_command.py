import json
from pathlib import Path

import pytest
from stream_talk.memory.conversations import Entry, Event, append_turn
from stream_talk.memory.database import open_database
from stream_talk.memory.long_term import NewItem, SqliteLongTermStore
from stream_talk_cli.main import main


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "memory.db"
    connection = open_database(path)
    append_turn(connection, "abc", 0, [Entry("user", "hello", 1), Entry("assistant", "good day", 2, "good", True)], [])
    SqliteLongTermStore(connection).add([NewItem("likes", "The user likes tea.", "abc", 0, 1, "k")])
    connection.close()
    return str(path)


def test_list_show_and_facts(file, capsys):
    assert main(["memory", "--file", file, "list"]) == 0
    assert "abc" in capsys.readouterr().out
    assert main(["memory", "--file", file, "show", "abc"]) == 0
    shown = capsys.readouterr().out
    assert "good  [interrupted]" in shown and "good day" not in shown
    assert main(["memory", "--file", file, "facts", "tea"]) == 0
    assert "likes tea" in capsys.readouterr().out


def test_correct_and_forget_a_fact(file, capsys):
    assert main(["memory", "--file", file, "correct", "1", "The user likes cocoa."]) == 0
    assert main(["memory", "--file", file, "facts", "cocoa", "--json"]) == 0
    assert json.loads(capsys.readouterr().out.split("Done.\n")[1])[0]["text"] == "The user likes cocoa."
    assert main(["memory", "--file", file, "forget", "1"]) == 0
    assert main(["memory", "--file", file, "forget", "1"]) == 1


def test_export_then_delete_everything(file, tmp_path, capsys):
    out = tmp_path / "export.json"
    assert main(["memory", "--file", file, "export", "--out", str(out)]) == 0
    content = json.loads(out.read_text())
    assert content["conversations"]["abc"][1]["heard_text"] == "good"
    assert main(["memory", "--file", file, "delete", "--all", "--yes"]) == 0
    capsys.readouterr()
    assert main(["memory", "--file", file, "list"]) == 0
    assert "No conversations" in capsys.readouterr().out


def test_delete_asks_first(file, monkeypatch):
    monkeypatch.setattr("builtins.input", lambda prompt: "n")
    assert main(["memory", "--file", file, "delete", "abc"]) == 1
    assert main(["memory", "--file", file, "show", "abc"]) == 0


def test_events_that_were_set_aside_are_shown_and_tried_again(file, capsys):
    connection = open_database(Path(file))
    append_turn(connection, "abc", 1, [Entry("user", "x", 1)], [Event("analytics.turn", {}, "k")])
    connection.execute("UPDATE outbox_events SET dead_at = 5, attempts = 12, last_error = 'too large'")
    connection.close()
    assert main(["memory", "--file", file, "events"]) == 0
    shown = capsys.readouterr().out
    assert "0 wait, 0 delivered lately, 1 set aside" in shown and "abc#1  12 attempts: too large" in shown
    assert main(["memory", "--file", file, "events", "--retry"]) == 0
    assert "1 wait, 0 delivered lately, 0 set aside" in capsys.readouterr().out


def test_a_damaged_file_is_said_without_a_traceback(tmp_path, capsys):
    path = tmp_path / "memory.db"
    path.write_bytes(b"junk" * 1000)
    assert main(["memory", "--file", str(path), "list"]) == 1
    assert "damaged" in capsys.readouterr().err
