"""Search by meaning: the same tests on SQLite with sqlite-vec and on the numpy stand-in."""

import sqlite3

import numpy as np
import pytest
from stream_talk.memory import database, sqlite_vec
from stream_talk.memory.conversations import delete_everything
from stream_talk.memory.database import open_database
from stream_talk.memory.long_term import NewItem, SqliteLongTermStore
from stream_talk.memory.vectors import NumpyIndex, SqliteVecIndex, vector_index


@pytest.fixture(params=["numpy", "sqlite-vec"])
def connection(request, tmp_path, monkeypatch):
    if request.param == "numpy":
        monkeypatch.setattr(sqlite_vec, "extension_file", lambda: None)
    else:
        pytest.importorskip("sqlite_vec")
        if not hasattr(sqlite3.Connection, "enable_load_extension"):
            # This Python's SQLite cannot load extensions; the same SQLite as a package can.
            monkeypatch.setattr(database, "sqlite3", pytest.importorskip("pysqlite3"))
    connection = open_database(tmp_path / "memory.db")
    wanted = NumpyIndex if request.param == "numpy" else SqliteVecIndex
    assert isinstance(vector_index(connection, "m"), wanted)
    yield connection
    connection.close()


def item(text: str, embedding) -> NewItem:
    return NewItem("fact", text, "s", 0, 1, f"fact/{text}", embedding, "m")


def best(store: SqliteLongTermStore, embedding, limit: int = 1) -> list[str]:
    return [found.text for found in store.search("?", limit=limit, embedding=embedding)]


def test_meaning_finds_what_words_do_not(connection):
    rng = np.random.default_rng(0)
    drinks = rng.normal(size=64)
    store = SqliteLongTermStore(connection, embedding_model="m")
    store.add([item(f"noise {n}", rng.normal(size=64).tolist()) for n in range(2_000)])
    store.add([item("The user likes espresso.", drinks.tolist())])
    close = (drinks + 0.1 * rng.normal(size=64)).tolist()
    assert store.search("preferred beverages", limit=1, embedding=close)[0].text == "The user likes espresso."


def test_the_nearest_are_those_of_an_exact_search(connection):
    rng = np.random.default_rng(1)
    vectors = rng.normal(size=(3_000, 128))
    store = SqliteLongTermStore(connection, embedding_model="m")
    store.add([item(str(n), vector.tolist()) for n, vector in enumerate(vectors)])
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    for number in range(10):
        question = vectors[number] + 0.5 * rng.normal(size=128)
        exact = {str(n) for n in np.argsort(unit @ question)[::-1][:5]}
        assert len(exact & set(best(store, question.tolist(), 5))) >= 4


def test_items_added_later_are_found_too(connection):
    store = SqliteLongTermStore(connection, embedding_model="m")
    store.add([item("first", [1.0, 0.0, 0.1])])
    assert best(store, [0.0, 1.0, 0.0]) == ["first"]
    store.add([item("second", [0.0, 1.0, 0.1])])
    assert best(store, [0.0, 1.0, 0.0]) == ["second"]


def test_what_is_deleted_or_corrected_elsewhere_no_longer_answers_to_its_old_meaning(connection):
    """A new memory may even get the place of a deleted one."""
    store = SqliteLongTermStore(connection, embedding_model="m")
    store.add([item("tea", [1.0, 0.0]), item("cats", [0.0, 1.0])])
    assert best(store, [0.0, 1.0]) == ["cats"]
    page = SqliteLongTermStore(connection)
    cats = next(found for found in page.list(limit=9) if found.text == "cats")
    page.delete(cats.id)
    assert best(store, [0.0, 1.0]) == ["tea"]
    store.add([item("dogs", [-1.0, 0.1])])
    assert best(store, [-1.0, 0.1]) == ["dogs"]
    tea = next(found for found in page.list(limit=9) if found.text == "tea")
    page.correct(tea.id, "cocoa", 2)
    assert best(store, [1.0, 0.0], 9) == ["dogs"]
    delete_everything(connection)
    assert best(store, [1.0, 0.0]) == []
    store.add([item("rain", [0.5, 0.5]), item("snow", [0.5, -0.5])])
    assert best(store, [0.5, -0.5]) == ["snow"]


def test_a_corrected_item_gets_a_new_meaning_when_somebody_makes_one(connection):
    store = SqliteLongTermStore(connection, embedding_model="m")
    store.add([item("tea", [1.0, 0.0]), item("cats", [0.0, 1.0])])
    [tea] = store.search("tea", limit=1)
    store.correct(tea.id, "snow", 2)
    [waiting] = store.without_embedding(limit=9)
    assert waiting.text == "snow"
    store.embed([(waiting, [-1.0, 0.0])])
    assert store.without_embedding(limit=9) == []
    assert best(store, [-1.0, 0.0]) == ["snow"]
    store.correct(tea.id, "rain", 3)
    store.embed([(waiting, [-1.0, 0.0])])  # made from the text before this correction
    assert [found.text for found in store.without_embedding(limit=9)] == ["rain"]


def test_embeddings_of_another_model_or_size_are_left_alone(connection):
    store = SqliteLongTermStore(connection, embedding_model="m")
    store.add([item("mine", [1.0] * 16), item("short", [1.0] * 4)])
    SqliteLongTermStore(connection, embedding_model="n").add(
        [NewItem("fact", "other", "s", 0, 1, "k", [1.0] * 16, "n")]
    )
    assert best(store, [1.0] * 16, 9) == ["mine"]
    assert best(store, [1.0] * 64, 9) == []
