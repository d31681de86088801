"""Memories found by meaning: a real embeddings server over HTTP, in time, late, and away."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from stream_talk.memory.database import open_database
from stream_talk.memory.long_term import SqliteLongTermStore

from .asking import Ask, run, said, until_embedded

_TOPICS = (("espresso", "beverage", "drink"), ("cats", "pets", "animals"), ("Utrecht", "home", "city"))


def vector_of(text: str) -> list[float]:
    return [1.0 if any(word in text for word in topic) else 0.01 for topic in _TOPICS]


class EmbeddingServer:
    """`delay_ms` before every answer; `broken` answers 500."""

    def __init__(self) -> None:
        self.delay_ms = 0.0
        self.broken = False
        self.asked: list[dict[str, Any]] = []
        self.keys: set[str | None] = set()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                outer.asked.append({**body, "path": self.path})
                outer.keys.add(self.headers["Authorization"])
                time.sleep(outer.delay_ms / 1000)
                rows = [{"index": i, "embedding": vector_of(text)} for i, text in enumerate(body["input"])]
                answer = json.dumps({"data": rows[::-1]}).encode()
                self.send_response(500 if outer.broken else 200)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *args: object) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.settings = {
            "base_url": f"http://127.0.0.1:{self._http.server_port}/v1", "model": "tiny", "api_key": "secret"
        }  # fmt: skip
        threading.Thread(target=self._http.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()


@pytest.fixture
def server() -> Iterator[EmbeddingServer]:
    server = EmbeddingServer()
    yield server
    server.close()


async def found(ask: Ask, query: str, budget_ms: float = 1_000) -> list[str]:
    _, answer = await ask("memory_search", session_id="b", query=query, budget_ms=budget_ms)
    return [item["text"] for item in answer["items"]]


async def tell(ask: Ask, *facts: str) -> None:
    for turn, fact in enumerate(facts):
        await ask("memory_append", session_id="a", turn_id=turn, entries=said(fact, "Noted."))


def test_a_memory_is_found_by_its_meaning(tmp_path, server):
    path = tmp_path / "memory.db"

    async def script(ask: Ask) -> None:
        await tell(ask, "I like espresso.", "I have two cats.", "I live in Utrecht.")
        await until_embedded(path, 3)
        assert (await found(ask, "preferred beverage"))[0] == "The user likes espresso."
        assert (await found(ask, "any pets"))[0] == "The user has two cats."

    run(script, path, embeddings=server.settings)
    assert {request["path"] for request in server.asked} == {"/v1/embeddings"}
    assert {request["model"] for request in server.asked} == {"tiny"} and server.keys == {"Bearer secret"}


def test_a_slow_endpoint_costs_half_of_the_budget_and_serves_the_next_search(tmp_path, server):
    path = tmp_path / "memory.db"

    async def script(ask: Ask) -> None:
        await tell(ask, "I like espresso.", "I have two cats.")
        await until_embedded(path, 2)
        server.delay_ms = 600
        started = time.monotonic()
        assert await found(ask, "preferred beverage", 100) == []
        assert time.monotonic() - started < 0.5
        assert await found(ask, "espresso", 100) == ["The user likes espresso."], "words need no endpoint"
        await asyncio.sleep(1.0)
        assert (await found(ask, "something else entirely", 100))[0] == "The user likes espresso.", "found meanwhile"
        assert await found(ask, "something else entirely", 100) == [], "and used once"

    run(script, path, embeddings=server.settings)


def test_an_endpoint_that_was_away_is_caught_up_with(tmp_path, server):
    path = tmp_path / "memory.db"

    async def script(ask: Ask) -> None:
        server.broken = True
        await tell(ask, "I like espresso.", "I have two cats.")
        assert await found(ask, "two cats?") == ["The user has two cats."]
        server.broken = False
        await ask("memory_append", session_id="a", turn_id=9, entries=said("And what about you?", "Me?"))
        await until_embedded(path, 2)
        assert (await found(ask, "preferred beverage"))[0] == "The user likes espresso."

    run(script, path, embeddings=server.settings)


def test_a_fact_corrected_on_the_page_is_embedded_again(tmp_path, server):
    path = tmp_path / "memory.db"

    async def script(ask: Ask) -> None:
        await tell(ask, "I like espresso.", "I have two cats.")
        await until_embedded(path, 2)
        page = open_database(path)
        [espresso] = SqliteLongTermStore(page).search("espresso", limit=1)
        SqliteLongTermStore(page).correct(espresso.id, "The user lives in Utrecht.", 2)
        page.close()
        assert "The user lives in Utrecht." not in (await found(ask, "preferred beverage"))[:1]
        await ask("memory_append", session_id="a", turn_id=9, entries=said("So.", "So?"))
        await until_embedded(path, 2)
        assert (await found(ask, "my home"))[0] == "The user lives in Utrecht."

    run(script, path, embeddings=server.settings)


def test_what_is_cleared_while_it_is_digested_stays_cleared(tmp_path, server):
    path = tmp_path / "memory.db"

    async def script(ask: Ask) -> None:
        server.delay_ms = 200
        await tell(ask, "I like espresso.")
        await ask("memory_clear", session_id="a")

    run(script, path, embeddings=server.settings)
    connection = open_database(path)
    assert connection.execute("SELECT count(*) FROM items").fetchone()[0] == 0
    connection.close()


def test_a_model_folder_that_is_not_there_is_said_and_words_still_serve(tmp_path, capfd):
    async def script(ask: Ask) -> None:
        await tell(ask, "I like espresso.")
        assert await found(ask, "espresso") == ["The user likes espresso."]

    run(script, tmp_path / "memory.db", embeddings={"model": str(tmp_path / "no-model")})
    assert "there is no model folder" in capfd.readouterr().err
