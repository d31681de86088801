import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from stream_talk.memory import conversations
from stream_talk.memory.conversations import Entry, Event
from stream_talk.memory.database import MIGRATIONS, explained, open_database
from stream_talk.memory.errors import MemoryUnavailable
from stream_talk.memory.facts import fact_key
from stream_talk.memory.long_term import NewItem, SqliteLongTermStore
from stream_talk.memory.vectors import pack


@pytest.fixture
def connection(tmp_path: Path):
    connection = open_database(tmp_path / "memory.db")
    yield connection
    connection.close()


def say(connection, session: str, turn: int, user: str, assistant: str, heard: str | None = None, events=()) -> None:
    entries = [
        Entry("user", user, ts_ms=1_000 * turn),
        Entry("assistant", assistant, ts_ms=1_000 * turn + 1, heard_text=heard, interrupted=heard is not None),
    ]
    conversations.append_turn(connection, session, turn, entries, list(events))


def test_history_holds_only_what_was_heard_in_order(connection):
    say(connection, "s", 0, "Tell me a story", "Once upon a time there was a king.", heard="Once upon")
    say(connection, "s", 1, "Stop", "Fine.")
    history = conversations.load_history(connection, "s", max_turns=10, max_tokens=1_000)
    assert [m["content"] for m in history.messages] == ["Tell me a story", "Once upon", "Stop", "Fine."]
    assert [m["role"] for m in history.messages] == ["user", "assistant"] * 2
    assert history.last_turn == 1


def test_a_reply_nobody_heard_is_not_in_history(connection):
    say(connection, "s", 0, "Hello", "Good day to you", heard="")
    history = conversations.load_history(connection, "s", max_turns=10, max_tokens=1_000)
    assert history.messages == [{"role": "user", "content": "Hello"}]


def test_history_keeps_the_newest_within_turns_and_tokens(connection):
    for turn in range(50):
        say(connection, "s", turn, f"question {turn}", f"answer {turn}")
    by_turns = conversations.load_history(connection, "s", max_turns=3, max_tokens=10_000).messages
    assert by_turns[0]["content"] == "question 47"
    by_tokens = conversations.load_history(connection, "s", max_turns=50, max_tokens=20).messages
    assert by_tokens[-1]["content"] == "answer 49"
    assert 0 < len(by_tokens) < 10


def test_saying_a_turn_again_replaces_it_and_adds_no_event_twice(connection):
    event = Event("analytics.turn", {"a": 1}, "s#0/analytics")
    say(connection, "s", 0, "Hello", "Hi", events=[event])
    say(connection, "s", 0, "Hello", "Hi there", events=[event])
    assert [t["text"] for t in conversations.read_conversation(connection, "s")] == ["Hello", "Hi there"]
    assert connection.execute("SELECT count(*) FROM outbox_events").fetchone()[0] == 1


def test_a_turn_and_its_events_are_one_transaction(connection):
    class Unserialisable:
        pass

    with pytest.raises(TypeError):
        say(connection, "s", 0, "Hello", "Hi", events=[Event("x", {"bad": Unserialisable()}, "k")])
    assert conversations.read_conversation(connection, "s") == []


def test_deleting_forgets_turns_items_and_events(connection):
    say(connection, "a", 0, "one", "1", events=[Event("x", {}, "a0")])
    say(connection, "b", 0, "two", "2", events=[Event("x", {}, "b0")])
    assert conversations.delete_conversation(connection, "a")
    assert not conversations.delete_conversation(connection, "a")
    assert [c.session_id for c in conversations.list_conversations(connection)] == ["b"]
    assert [r[0] for r in connection.execute("SELECT session_id FROM outbox_events")] == ["b"]


def bytes_of(directory: Path) -> bytes:
    return b"".join(path.read_bytes() for path in directory.iterdir())


def remember(connection, text: str, session: str = "a") -> int:
    store = SqliteLongTermStore(connection)
    store.add([NewItem("fact", text, session, 0, 1, fact_key(text))])
    return store.list(limit=1)[0].id


FORGETTING = {
    "everything": lambda c, _item: conversations.delete_everything(c),
    "the conversation": lambda c, _item: conversations.delete_conversation(c, "a"),
    "what is old": lambda c, _item: conversations.delete_older_than(c, 5_000),
}


@pytest.mark.parametrize("forget", FORGETTING.values(), ids=FORGETTING)
def test_what_is_forgotten_is_nowhere_in_the_files(connection, tmp_path, forget):
    """Others keep the file open, as the page's server does."""
    for turn in range(40):
        say(connection, "keep", 10 + turn, f"keepsake {turn}", "kept " * 50)
    say(connection, "a", 0, "my secret pineapple", "noted pineapple", events=[Event("x", {"said": "pineapple"}, "k")])
    conversations.save_summary(connection, "a", "User: pineapple.", 0)
    item = remember(connection, "The user likes pineapple.")
    remember(connection, "The user likes keepsakes.", "keep")
    assert b"pineapple" in bytes_of(tmp_path)
    forget(connection, item)
    assert b"pineapple" not in bytes_of(tmp_path)
    assert forget is FORGETTING["everything"] or len(conversations.read_conversation(connection, "keep")) == 80


def test_a_forgotten_or_corrected_fact_is_nowhere_in_the_files(connection, tmp_path):
    store = SqliteLongTermStore(connection)
    for number in range(50):
        remember(connection, f"The user likes number {number}.")
    assert store.delete(remember(connection, "The user likes pineapple."))
    assert store.correct(remember(connection, "The user likes papaya."), "The user likes mango.", 2)
    left = bytes_of(tmp_path)
    assert b"pineapple" not in left and b"papaya" not in left and b"mango" in left


def test_half_a_character_from_a_client_is_kept_as_a_question_mark(connection):
    event = Event("analytics.turn", {"text": "cut \ud83d"}, "k")
    say(connection, "s", 0, "cut \ud83d here", "fine \udc00", heard="fi\ud83d", events=[event])
    [user, assistant] = conversations.read_conversation(connection, "s")
    assert (user["text"], assistant["heard_text"]) == ("cut ? here", "fi?")
    assert connection.execute("SELECT payload FROM outbox_events").fetchone()[0] == '{"text": "cut ?"}'


def test_retention_forgets_old_conversations(connection):
    say(connection, "old", 1, "a", "b")
    say(connection, "new", 9, "a", "b")
    assert conversations.delete_older_than(connection, 5_000) == 1
    assert [c.session_id for c in conversations.list_conversations(connection)] == ["new"]


def test_a_newer_schema_is_refused_with_a_remedy(tmp_path):
    path = tmp_path / "memory.db"
    connection = open_database(path)
    connection.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    connection.close()
    with pytest.raises(MemoryUnavailable, match="newer Stream-Talk"):
        open_database(path)


def test_a_file_of_the_first_schema_is_brought_up_to_date(tmp_path):
    path = tmp_path / "memory.db"
    first = sqlite3.connect(path)
    first.executescript(f"{MIGRATIONS[0]}; PRAGMA user_version = 1;")
    first.execute(
        "INSERT INTO items (kind, text, created_at, updated_at, embedding, embedding_model, idempotency_key)"
        " VALUES ('likes', 'The user likes tea.', 1, 1, ?, 'm', 'fact/The user likes tea.')",
        (pack([1.0, -1.0]),),
    )
    first.commit()
    first.close()
    connection = open_database(path)
    assert connection.execute("PRAGMA user_version").fetchone()[0] == len(MIGRATIONS)
    [found] = SqliteLongTermStore(connection, embedding_model="m").search("?", limit=1, embedding=[1.0, -1.0])
    assert found.text == "The user likes tea."
    again = NewItem("likes", found.text, "s", 0, 1, fact_key(found.text))
    assert SqliteLongTermStore(connection).add([again]) == 0, "the old key is known by its new form"
    connection.close()


def test_many_processes_may_open_a_new_file_at_once(tmp_path):
    with ThreadPoolExecutor(8) as pool:
        for attempt in range(5):
            for opened in [pool.submit(_open_and_close, tmp_path / f"{attempt}.db") for _ in range(8)]:
                opened.result()


def _open_and_close(path: Path) -> None:
    open_database(path).close()


def test_a_damaged_file_is_refused_with_a_remedy(tmp_path):
    path = tmp_path / "memory.db"
    path.write_bytes(b"this is not a database at all" * 100)
    with pytest.raises(MemoryUnavailable, match="recover"):
        open_database(path)


def test_a_path_that_cannot_be_written_is_refused_with_a_remedy(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(MemoryUnavailable, match="check"):
        open_database(tmp_path / "file" / "memory.db")


def test_the_file_is_private_and_in_wal_mode(tmp_path):
    path = tmp_path / "deep" / "memory.db"
    connection = open_database(path)
    assert connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
    assert path.stat().st_mode & 0o077 == 0
    connection.close()


def test_a_copy_taken_at_any_moment_opens_and_misses_at_most_the_unfinished_turn(tmp_path):
    """A power cut: the database and its log as they are on disk after each commit, copied file by file."""
    path = tmp_path / "memory.db"
    connection = open_database(path)
    for turn in range(30):
        say(connection, "s", turn, f"question {turn}", f"answer {turn}", events=[Event("x", {}, f"s{turn}")])
        copy = tmp_path / f"copy{turn}"
        copy.mkdir()
        wal = path.with_name(path.name + "-wal").read_bytes()
        (copy / "memory.db").write_bytes(path.read_bytes())
        # The log's last page may be half written when the power goes.
        torn = wal if turn % 2 else wal[: len(wal) - 1_500]
        (copy / "memory.db-wal").write_bytes(torn)
        survivor = open_database(copy / "memory.db")
        assert survivor.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        turns = survivor.execute("SELECT count(DISTINCT turn) FROM turns").fetchone()[0]
        events = survivor.execute("SELECT count(*) FROM outbox_events").fetchone()[0]
        assert turns == events
        assert turns >= (turn + 1 if turn % 2 else turn)
        survivor.close()
    connection.close()


def test_an_unknown_session_has_no_history(connection):
    assert conversations.load_history(connection, "nobody", max_turns=5, max_tokens=100).messages == []


def test_rows_cannot_be_orphaned(connection):
    with pytest.raises(sqlite3.IntegrityError):
        connection.execute("INSERT INTO turns (session_id, turn, role, text, ts) VALUES ('ghost', 0, 'user', 'x', 0)")


def test_a_full_disk_is_said_and_keeps_what_was_acknowledged(tmp_path):
    path = tmp_path / "memory.db"
    connection = open_database(path)
    say(connection, "s", 0, "Remember this", "I will.")
    # SQLite answers a page limit exactly as it answers a full disk.
    connection.execute(f"PRAGMA max_page_count = {connection.execute('PRAGMA page_count').fetchone()[0]}")
    with pytest.raises(MemoryUnavailable, match="full"), explained(path):
        say(connection, "s", 1, "long " * 50_000, "Fine.")
    connection.execute("PRAGMA max_page_count = 1000000")  # space was freed
    say(connection, "s", 2, "Still there?", "Yes.")
    history = conversations.load_history(connection, "s", max_turns=10, max_tokens=1_000)
    assert [m["content"] for m in history.messages] == ["Remember this", "I will.", "Still there?", "Yes."]
    connection.close()
