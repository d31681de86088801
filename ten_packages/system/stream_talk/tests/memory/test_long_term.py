import pytest
from stream_talk.memory.conversations import Entry, estimated_tokens
from stream_talk.memory.database import open_database
from stream_talk.memory.facts import fact_key, find_facts
from stream_talk.memory.long_term import NewItem, SqliteLongTermStore
from stream_talk.memory.summary import extend_summary
from stream_talk.memory.words import query_words


@pytest.fixture
def connection(tmp_path):
    connection = open_database(tmp_path / "memory.db")
    yield connection
    connection.close()


def item(text: str) -> NewItem:
    return NewItem("fact", text, "s", 0, 1, fact_key(text))


@pytest.mark.parametrize(
    ("said", "remembered"),
    [
        ("Hi, my name is Ada Lovelace.", ["The user's name is Ada Lovelace."]),
        ("I live in Utrecht and I have two cats.", ["The user lives in Utrecht.", "The user has two cats."]),
        (
            "I really like green tea, but I hate coffee.",
            ["The user likes green tea.", "The user does not like coffee."],
        ),
        ("My favourite colour is dark blue.", ["The user's favourite colour is dark blue."]),
        ("Please remember that the key is under the mat.", ["The user asked to remember: the key is under the mat."]),
        ("我叫小明，我喜欢喝茶。", ["用户的名字是小明。", "用户喜欢喝茶。"]),
        ("我对花生过敏。", ["用户对花生过敏。"]),
        ("What is my name?", []),
        ("你喜欢音乐吗？", []),
        ("I like that.", []),
    ],
)
def test_facts_are_found_in_english_and_chinese(said, remembered):
    assert sorted(fact.text for fact in find_facts(said)) == sorted(remembered)


def test_words_find_items_in_both_scripts(connection):
    store = SqliteLongTermStore(connection)
    store.add([item("The user likes green tea."), item("The user lives in Utrecht."), item("用户很喜欢喝绿茶。")])
    assert store.search("what tea do I drink?", limit=3)[0].text == "The user likes green tea."
    assert store.search("我喜欢喝什么？", limit=3)[0].text == "用户很喜欢喝绿茶。"
    assert store.search("what is it", limit=3) == []


def test_a_question_cannot_break_the_search_syntax(connection):
    store = SqliteLongTermStore(connection)
    store.add([item("The user likes tea.")])
    for text in ('tea" OR "', "tea*", "NEAR(tea", "rowid:1 tea", "'; DROP TABLE items; -- tea", "\x00tea"):
        store.search(text, limit=3)
    assert store.list(limit=5)


def test_the_same_statement_is_one_memory(connection):
    store = SqliteLongTermStore(connection)
    assert store.add([item("The user likes tea.")]) == 1
    assert store.add([item("The user likes tea.")]) == 0
    assert len(store.list(limit=10)) == 1


def test_a_corrected_item_is_found_by_its_new_words_only(connection):
    store = SqliteLongTermStore(connection)
    store.add([item("The user likes tea.")])
    [found] = store.list(limit=1)
    assert store.correct(found.id, "The user likes cocoa.", 2)
    assert store.search("tea", limit=1) == []
    assert store.search("cocoa", limit=1)[0].id == found.id
    assert store.delete(found.id)
    assert store.search("cocoa", limit=1) == []
    assert not store.delete(found.id)


def test_what_was_corrected_does_not_come_back_when_its_turn_is_told_again(connection):
    store = SqliteLongTermStore(connection)
    store.add([item("The user likes tea.")])
    store.correct(store.list(limit=1)[0].id, "The user likes cocoa.", 2)
    assert store.add([item("The user likes tea.")]) == 0
    assert [found.text for found in store.list(limit=9)] == ["The user likes cocoa."]


def test_a_conversation_has_one_summary_the_latest(connection):
    def summary(turn: int, text: str) -> NewItem:
        return NewItem("summary", text, "s", turn, 1, "summary/s", replaces=True)

    store = SqliteLongTermStore(connection)
    assert store.add([summary(3, "User: tea."), summary(4, "User: tea. User: snow.")]) == 2
    assert store.add([summary(3, "User: tea.")]) == 0, "told again, later"
    assert [found.text for found in store.list(limit=9)] == ["User: tea. User: snow."]
    assert store.search("snow", limit=1)


def test_query_words_leave_out_the_common_ones():
    assert query_words("What is the name of my dog?") == ["name", "dog"]


def test_a_summary_grows_by_lines_and_drops_the_oldest():
    entries = [Entry("user", f"I went to town number {n}. Then home.", ts_ms=n) for n in range(40)]
    summary = extend_summary("", entries, max_tokens=100)
    assert summary.splitlines()[-1] == "User: I went to town number 39."
    assert "number 0." not in summary
    assert estimated_tokens(summary) <= 100
