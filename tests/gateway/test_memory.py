"""`/v1/memory`: what is remembered, over HTTP, to read, take away, correct and delete."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from stream_talk.memory.conversations import Entry, append_turn
from stream_talk.memory.database import open_database
from stream_talk.memory.facts import fact_key
from stream_talk.memory.long_term import NewItem, SqliteLongTermStore

from .conftest import Server


@pytest.fixture
def remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STREAM_TALK_DATA_DIR", str(tmp_path / "data"))
    path = tmp_path / "data" / "memory.db"
    connection = open_database(path)
    append_turn(
        connection, "abc", 0, [Entry("user", "I like pineapple.", 1), Entry("assistant", "So I hear.", 2, "So")], []
    )
    text = "The user likes pineapple."
    SqliteLongTermStore(connection).add([NewItem("likes", text, "abc", 0, 1, fact_key(text))])
    connection.close()
    return path


def test_everything_can_be_read_corrected_and_taken_away(with_server, remembered):
    async def scenario(server: Server) -> None:
        async with httpx.AsyncClient(base_url=f"{server.http}/v1/memory") as http:
            [conversation] = (await http.get("/conversations")).json()["conversations"]
            assert (conversation["session_id"], conversation["turns"]) == ("abc", 1)
            [_, assistant] = (await http.get("/conversations/abc")).json()["turns"]
            assert assistant["heard_text"] == "So"
            [item] = (await http.get("/items", params={"query": "pineapple"})).json()["items"]
            assert (await http.patch(f"/items/{item['id']}", json={"text": "The user likes mango."})).json()[
                "corrected"
            ]
            taken = (await http.get("/export")).json()
            assert [item["text"] for item in taken["items"]] == ["The user likes mango."]
            assert [turn["text"] for turn in taken["conversations"]["abc"]] == ["I like pineapple.", "So I hear."]
            assert (await http.patch("/items/99", json={"text": "x"})).status_code == 404
            assert (await http.get("/conversations/nobody")).status_code == 404

    with_server(scenario)


@pytest.mark.parametrize("what", ["", "/conversations/abc"], ids=["everything", "the conversation"])
def test_what_is_deleted_is_gone_from_the_file(with_server, remembered, what):
    async def scenario(server: Server) -> None:
        async with httpx.AsyncClient(base_url=f"{server.http}/v1/memory") as http:
            assert (await http.delete(f"{server.http}/v1/memory{what}")).json() == {"deleted": True}
            assert (await http.get("/items")).json()["items"] == []
            assert (await http.get("/conversations")).json()["conversations"] == []

    with_server(scenario)
    assert not any(b"pineapple" in path.read_bytes() for path in remembered.parent.iterdir())


def test_a_damaged_file_is_said_and_harms_nobody(with_server, remembered):
    async def scenario(server: Server) -> None:
        remembered.write_bytes(b"junk" * 1_000)
        async with httpx.AsyncClient(base_url=server.http) as http:
            answer = await http.get("/v1/memory/items")
            assert answer.status_code == 503 and "damaged" in answer.json()["error"]["message"]
        assert (await server.talk()).ready

    with_server(scenario)
