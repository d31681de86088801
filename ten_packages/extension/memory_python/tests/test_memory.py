"""memory_python through TEN's public API: commands in, results out."""

from __future__ import annotations

import json
from pathlib import Path

from stream_talk.memory.conversations import read_conversation
from stream_talk.memory.database import open_database
from ten_runtime import StatusCode

from .asking import Ask, run, said


def test_a_conversation_is_taken_up_again_after_a_restart(tmp_path):
    path = tmp_path / "memory.db"

    async def first(ask: Ask) -> None:
        status, _ = await ask(
            "memory_append", session_id="s", turn_id=1, entries=said("Hello", "Good day to you", "Good day")
        )
        assert status == StatusCode.OK
        assert len(read_conversation(open_database(path), "s")) == 2, "OK means on disk"

    async def second(ask: Ask) -> None:
        _, history = await ask("memory_load", session_id="s")
        assert [m["content"] for m in history["messages"]] == ["Hello", "Good day"]
        assert history["last_turn"] == 1

    run(first, path)
    run(second, path)


def test_facts_are_remembered_across_sessions_in_both_languages(tmp_path):
    async def script(ask: Ask) -> None:
        await ask("memory_append", session_id="a", turn_id=1, entries=said("I like green tea.", "Noted."))
        await ask("memory_append", session_id="a", turn_id=2, entries=said("我住在杭州。", "好的。"))
        for query, expected in (
            ("Which tea do I like?", "The user likes green tea."),
            ("我住在哪里？", "用户住在杭州。"),
        ):
            _, found = await ask("memory_search", session_id="b", query=query, budget_ms=500)
            assert [item["text"] for item in found["items"]][:1] == [expected]

    run(script, tmp_path / "memory.db")


def test_a_long_conversation_is_summarised_and_its_recent_turns_kept(tmp_path):
    async def script(ask: Ask) -> None:
        for turn in range(12):
            await ask(
                "memory_append", session_id="s", turn_id=turn, entries=said(f"Topic number {turn}.", f"Answer {turn}.")
            )
        _, history = await ask("memory_load", session_id="s", max_turns=4)
        assert history["messages"][0]["content"] == "Topic number 8."
        assert "User: Topic number 3." in history["summary"]

    run(script, tmp_path / "memory.db", keep_turns=4)


def test_events_are_written_only_when_asked_for(tmp_path):
    event = {"type": "analytics.turn", "payload": {"ttfa_ms": 1}, "idempotency_key": "s#1/analytics"}

    async def script(ask: Ask) -> None:
        await ask("memory_append", session_id="s", turn_id=1, entries=said("Hello", "Hi"), events=[event])

    def types(path: Path) -> list[str]:
        return [row["type"] for row in open_database(path).execute("SELECT type FROM outbox_events ORDER BY id")]

    run(script, tmp_path / "off.db")
    assert types(tmp_path / "off.db") == []
    run(script, tmp_path / "on.db", events_for="redis", long_term="worker")
    assert types(tmp_path / "on.db") == ["analytics.turn", "ltm.turn"]


def test_clear_forgets_the_conversation_and_its_facts(tmp_path):
    async def script(ask: Ask) -> None:
        await ask("memory_append", session_id="s", turn_id=1, entries=said("I like cocoa.", "Noted."))
        await ask("memory_search", session_id="s", query="cocoa")
        assert (await ask("memory_clear", session_id="s"))[1] == {"deleted": True}
        assert (await ask("memory_load", session_id="s"))[1]["messages"] == []

    run(script, tmp_path / "memory.db")


def test_a_damaged_file_is_said_and_the_session_lives(tmp_path):
    path = tmp_path / "memory.db"
    path.write_bytes(b"junk" * 1_000)

    async def script(ask: Ask) -> None:
        status, answer = await ask("memory_load", session_id="s")
        assert status == StatusCode.ERROR and "damaged" in answer["detail"]
        status, _ = await ask("memory_append", session_id="s", turn_id=1, entries=said("Hello", "Hi"))
        assert status == StatusCode.ERROR
        path.unlink()
        status, _ = await ask("memory_append", session_id="s", turn_id=2, entries=said("Hello", "Hi"))
        assert status == StatusCode.OK, "once the file is mended, memory works again"

    run(script, path)


def test_wrong_commands_and_wrong_properties_are_answered(tmp_path):
    async def script(ask: Ask) -> None:
        assert (await ask("memory_append", turn_id="x"))[0] == StatusCode.ERROR
        assert (await ask("something_else"))[0] == StatusCode.OK

    run(script, tmp_path / "memory.db")

    async def refused(ask: Ask) -> None:
        assert (await ask("memory_load", session_id="s"))[0] == StatusCode.ERROR

    run(refused, tmp_path / "memory.db", keep_turns=0)


def test_summaries_travel_to_the_worker(tmp_path):
    path = tmp_path / "memory.db"

    async def script(ask: Ask) -> None:
        for turn in range(6):
            await ask(
                "memory_append", session_id="s", turn_id=turn, entries=said(f"Topic number {turn}.", f"Answer {turn}.")
            )
        await ask("memory_load", session_id="s")

    run(script, path, keep_turns=2, events_for="redis", long_term="worker")
    rows = (
        open_database(path)
        .execute("SELECT payload FROM outbox_events WHERE type = 'ltm.summary' ORDER BY id")
        .fetchall()
    )
    assert rows and "Topic number 0." in json.loads(rows[-1]["payload"])["text"]


def test_half_a_character_in_a_turn_costs_nothing_but_that_character(tmp_path):
    async def script(ask: Ask) -> None:
        status, _ = await ask("memory_append", session_id="s", turn_id=1, entries=said("I like \ud83d tea.", "Noted."))
        assert status == StatusCode.OK
        _, history = await ask("memory_load", session_id="s")
        assert history["messages"][0]["content"] == "I like ? tea."

    run(script, tmp_path / "memory.db")
