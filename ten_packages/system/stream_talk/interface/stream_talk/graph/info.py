"""What a graph file says about itself to people: the optional key `stream_talk`. It never reaches TEN."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ten_graph import Problem
from ten_graph.errors import did_you_mean

KEY = "stream_talk"
_KEYS = ("title", "description", "needs")


@dataclass(frozen=True)
class GraphInfo:
    """Texts by language ("en", "zh"); `needs` are sentences, e.g. "a CUDA GPU with 8 GB"."""

    title: Mapping[str, str] = field(default_factory=dict)
    description: Mapping[str, str] = field(default_factory=dict)
    needs: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        return {"title": dict(self.title), "description": dict(self.description), "needs": list(self.needs)}


def parse_info(tree: object) -> GraphInfo:
    """What can be understood of the metadata; `info_problems` says what cannot."""
    if not isinstance(tree, Mapping):
        return GraphInfo()
    needs = tree.get("needs")
    texts = tuple(need for need in needs if isinstance(need, str)) if isinstance(needs, list) else ()
    return GraphInfo(_texts(tree.get("title")), _texts(tree.get("description")), texts)


def _texts(value: object) -> dict[str, str]:
    if isinstance(value, str):
        return {"en": value}
    if isinstance(value, Mapping):
        return {str(lang): text for lang, text in value.items() if isinstance(text, str)}
    return {}


def info_problems(tree: object) -> Iterator[Problem]:
    if not isinstance(tree, Mapping):
        yield Problem(KEY, "must be an object", 'write {"title": {"en": "..."}}')
        return
    for key in tree:
        if key not in _KEYS:
            yield Problem(KEY, f'unknown key "{key}"', did_you_mean(str(key), _KEYS))
    for key in ("title", "description"):
        value = tree.get(key, "")
        texts = value.values() if isinstance(value, Mapping) else [value]
        if not all(isinstance(text, str) for text in texts):
            yield Problem(f"{KEY}.{key}", "must be a text or texts by language", 'write {"en": "...", "zh": "..."}')
    needs = tree.get("needs", [])
    if not isinstance(needs, list) or not all(isinstance(need, str) for need in needs):
        yield Problem(f"{KEY}.needs", "must be a list of sentences", 'write ["a CUDA GPU"]')
