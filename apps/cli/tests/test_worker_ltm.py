"""What the ltm worker makes of events; how it gets them is tested against a real Redis in tests/memory."""

import pytest
from stream_talk.memory.database import open_database
from stream_talk.memory.embeddings import EmbeddingFailed
from stream_talk.memory.long_term import SqliteLongTermStore
from stream_talk_cli.main import main
from stream_talk_cli.worker.events import StreamEvent
from stream_talk_cli.worker.ltm import LtmHandler


def event(kind: str, turn: int, **payload) -> StreamEvent:
    return StreamEvent("s", turn, kind, payload, 1_000 + turn, f"s#{turn}/{kind}")


def said(turn: int, text: str) -> StreamEvent:
    return event(
        "ltm.turn", turn, entries=[{"role": "user", "text": text}, {"role": "assistant", "text": "I like tea."}]
    )


class Embedder:
    model = "m"
    away = False

    def embed(self, texts):
        if self.away:
            raise EmbeddingFailed("away")
        return [[1.0, 0.0] if "tea" in text else [0.0, 1.0] for text in texts]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "memory.db"


def texts(path) -> list[str]:
    connection = open_database(path)
    try:
        return [item.text for item in SqliteLongTermStore(connection).list(limit=99)]
    finally:
        connection.close()


def test_facts_of_the_person_and_one_summary_a_conversation_however_often_events_come(path):
    handler = LtmHandler(path)
    events = [said(1, "I like green tea."), said(2, "我住在杭州。"), event("ltm.summary", 3, text="User: tea."),
              event("ltm.summary", 4, text="User: tea. User: Hangzhou.")]  # fmt: skip
    for _ in range(3):
        handler.handle(events)
    handler.close()
    assert sorted(texts(path)) == ["The user likes green tea.", "User: tea. User: Hangzhou.", "用户住在杭州。"]


def test_an_embedder_that_is_away_costs_the_meaning_and_not_the_memory(path):
    embedder = Embedder()
    handler = LtmHandler(path, embeddings=embedder)
    handler.handle([said(1, "I like green tea.")])
    embedder.away = True
    handler.handle([said(2, "I have two cats.")])
    handler.close()
    connection = open_database(path)
    [waiting] = SqliteLongTermStore(connection, embedding_model="m").without_embedding(limit=9)
    assert waiting.text == "The user has two cats."
    connection.close()


def test_a_model_folder_that_is_not_there_is_said(path, capsys):
    pytest.importorskip("redis")
    folder = str(path.parent / "nowhere")
    assert main(["worker", "ltm", "--file", str(path), "--embeddings-model", folder, "--until-empty"]) == 1
    assert "there is no model folder" in capsys.readouterr().err
