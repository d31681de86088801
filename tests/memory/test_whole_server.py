"""What a whole server leaves on the disk: nothing of an incognito conversation, and all of one that was left in the middle."""

from __future__ import annotations

import importlib
import json
import sqlite3
import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
whole_server = importlib.import_module("whole_server")
pytestmark = pytest.mark.slow
SECRET = "pineapple"


def tell_the_secret(**hello: Any):
    def talk(line) -> None:
        whole_server.hello(line, **hello)
        whole_server.say(line, f"My name is {SECRET}.")
        answer = json.dumps(whole_server.say(line, "What is my name?")).casefold()
        assert SECRET in answer, "it is known while the conversation lasts"
        whole_server.send(line, "bye")

    return talk


def files_with_the_secret(folder: Path) -> list[Path]:
    return [
        path.relative_to(folder)
        for path in folder.rglob("*")
        if path.is_file() and SECRET.encode() in path.read_bytes().lower()
    ]


def test_incognito_leaves_no_word_on_the_disk_and_no_memory_file(tmp_path):
    whole_server.serve(tmp_path / "open", "text-only", tell_the_secret(conversation="conversation-open"))
    assert any(path.name.startswith("memory.db") for path in files_with_the_secret(tmp_path / "open"))
    whole_server.serve(tmp_path / "incognito", "text-only", tell_the_secret(incognito=True))
    assert files_with_the_secret(tmp_path / "incognito") == []
    assert not list((tmp_path / "incognito").rglob("memory.db*"))


@pytest.mark.parametrize("farewell", ["bye", "the server ends"])
def test_who_leaves_in_the_middle_of_a_reply_has_said_and_heard_something(tmp_path, farewell):
    def talk(line) -> None:
        whole_server.hello(line, conversation="conversation-early")
        text = "Tell me a joke please."
        whole_server.send(line, "text", text=text)
        turn = whole_server.until(line, "user_text", final=True, text=text)[-1]["turn_id"]
        begun = whole_server.until(line, "audio_start", turn_id=turn)[-1]["generation"]
        for played_ms, state in ((0, "started"), (700, "playing")):
            whole_server.send(
                line, "playout", generation=begun, played_ms=played_ms, buffered_ms=100, state=state, client_ts_ms=1.0
            )
        whole_server.send(line, "ping", client_ts_ms=1.0)
        whole_server.until(line, "pong")
        if farewell == "bye":
            whole_server.send(line, "bye")

    # Events are on, although no Redis is there: they are written with the turn.
    whole_server.serve(tmp_path / "s", "embedded", talk, STREAM_TALK_REDIS_URL="redis://127.0.0.1:1/0")
    connection = sqlite3.connect(tmp_path / "s" / "data" / "memory.db")
    rows = connection.execute(
        "SELECT turn, role, text, heard_text, interrupted FROM turns ORDER BY turn, role DESC"
    ).fetchall()
    [(turn, *_)] = [row for row in rows if row[2] == "Tell me a joke please."]
    [(_, _, text, heard, interrupted)] = [row for row in rows if row[:2] == (turn, "assistant")]
    assert 0 < len(heard) < len(text) and interrupted
    events = [row[0] for row in connection.execute("SELECT turn FROM outbox_events WHERE type = 'analytics.turn'")]
    assert events.count(turn) == 1
    connection.close()
