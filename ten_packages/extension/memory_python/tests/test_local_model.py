"""A real sentence-transformers model in a process of its own. Runs in the environment `asr` of tests/environments, which has torch."""

from __future__ import annotations

import time
import zipfile
from pathlib import Path

import pytest

from .asking import Ask, run, said, until_embedded

pytest.importorskip("sentence_transformers", reason="runs in the environment `asr` of tests/environments")
packaged = pytest.importorskip("all_minilm_l6_v2", reason="runs in the environment `asr` of tests/environments")


@pytest.mark.slow
def test_a_model_in_a_folder_finds_memories_by_meaning_within_the_budget(tmp_path: Path):
    folder = tmp_path / "model"
    zipfile.ZipFile(packaged.get_model_zip_path()).extractall(folder)
    path = tmp_path / "memory.db"

    async def script(ask: Ask) -> None:
        facts = ("I like espresso.", "I have two cats.", "I live in Utrecht.", "I am allergic to peanuts.")
        for turn, fact in enumerate(facts):
            await ask("memory_append", session_id="a", turn_id=turn, entries=said(fact, "Noted."))
        await until_embedded(path, len(facts))  # loads the model
        for query, expected in (
            ("Which pets do I own?", "The user has two cats."),
            ("What should nobody put into my food?", "The user is allergic to peanuts."),
            ("Which city is my home?", "The user lives in Utrecht."),
        ):
            started = time.perf_counter()
            _, answer = await ask("memory_search", session_id="b", query=query, budget_ms=1_000)
            print(f"{query} {1000 * (time.perf_counter() - started):.0f} ms")
            assert answer["items"][0]["text"] == expected

    run(script, path, embeddings={"model": str(folder)})
