"""The files in graphs/: sound on every machine, whatever is installed on this one."""

from __future__ import annotations

from pathlib import Path

import pytest
from stream_talk.graph import load_document
from stream_talk.graph.check import SOUND_CHECKS, check_file

FILES = sorted((Path(__file__).resolve().parents[1] / "graphs").glob("*.json"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_graph_check_finds_nothing(path):
    assert [problem.line() for problem in check_file(path, checks=SOUND_CHECKS)] == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_graph_says_in_both_languages_what_it_is(path):
    info = load_document(path).info
    assert {"en", "zh"} <= set(info.title)
    assert {"en", "zh"} <= set(info.description)


def test_there_are_graphs():
    assert {"embedded", "gateway"} <= {path.stem for path in FILES}
