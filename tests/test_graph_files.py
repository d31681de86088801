"""The files in graphs/: sound on every machine, whatever is installed on this one."""

from __future__ import annotations

from pathlib import Path

import pytest
from stream_talk.graph import load_document
from stream_talk.graph.check import CHECKS, check_file, nodes

FILES = sorted((Path(__file__).resolve().parents[1] / "graphs").glob("*.json"))
# What depends on the machine: Python packages and environment variables.
SAME_EVERYWHERE = tuple(check for check in CHECKS if check not in (nodes.missing_packages, nodes.environment))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_graph_check_finds_nothing(path):
    assert [problem.line() for problem in check_file(path, checks=SAME_EVERYWHERE)] == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_graph_says_in_both_languages_what_it_is(path):
    info = load_document(path).info
    assert {"en", "zh"} <= set(info.title)
    assert {"en", "zh"} <= set(info.description)


def test_there_are_graphs():
    assert {"embedded", "gateway"} <= {path.stem for path in FILES}
