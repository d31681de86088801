"""What a graph will cost in time and memory, from what its stages say of themselves, set against what was measured.

A stage's folder may hold `budget.json`: `{"ms": ..., "memory_mb": ..., "measured": "where and how"}`. `ms` is what the stage adds between
the person's last sample and the first sound: for a VAD its hangover, for a recogniser the time from finalize to the last words, for a
model its first clause, for a voice its first chunk. Stages of the reply's path are looked up by TEN's node names.

What is declared is set right by what can be seen here: a stage holds at least the models that it names, and what a caller has probed
(a running language model's first clause, for one) takes the place of a figure from elsewhere.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ten_graph import FlatGraph

from stream_talk.models import catalog, store

FILE_NAME = "budget.json"
# A loaded model with its buffers, against its files.
_IN_MEMORY = 1.2
# In the order in which a reply passes them. The names of the spans that measure the same stretch in a trace.
PATH: Mapping[str, tuple[str, ...]] = {
    "vad": ("voice_end",),
    "stt": ("last_words",),
    "llm": ("first_token", "llm"),
    "tts": ("first_audio",),
}


@dataclass(frozen=True, slots=True)
class Declared:
    ms: float | None
    memory_mb: float | None
    measured: str


@dataclass(frozen=True, slots=True)
class Line:
    node: str
    addon: str
    declared: Declared
    measured_ms: float | None = None
    probed_ms: float | None = None
    models_mb: float = 0.0  # size of the models that it names: on the disk, or as the catalogue has it

    @property
    def on_path(self) -> bool:
        return self.node in PATH

    @property
    def expected_ms(self) -> float | None:
        return self.declared.ms if self.probed_ms is None else self.probed_ms

    @property
    def memory_mb(self) -> float | None:
        if not self.models_mb:
            return self.declared.memory_mb
        return max(self.declared.memory_mb or 0.0, self.models_mb * _IN_MEMORY)


@dataclass(frozen=True, slots=True)
class Budget:
    lines: tuple[Line, ...]

    @property
    def first_audio_ms(self) -> float | None:
        """None when a stage of the path does not say."""
        costs = [line.expected_ms for line in self.lines if line.on_path]
        return None if not costs or None in costs else float(sum(cost for cost in costs if cost is not None))

    @property
    def measured_first_audio_ms(self) -> float | None:
        costs = [line.measured_ms for line in self.lines if line.on_path]
        return None if not costs or None in costs else float(sum(cost for cost in costs if cost is not None))

    @property
    def memory_mb(self) -> float:
        return sum(line.memory_mb or 0.0 for line in self.lines)


def read_declared(folder: Path | None) -> Declared:
    try:
        raw = json.loads((folder / FILE_NAME).read_text("utf-8")) if folder is not None else {}
    except (OSError, ValueError):
        raw = {}
    return Declared(_number(raw.get("ms")), _number(raw.get("memory_mb")), str(raw.get("measured", "")))


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def budget_of(
    graph: FlatGraph,
    folders: Mapping[str, Path],
    turns: Iterable[Mapping[str, Any]] = (),
    probed_ms: Mapping[str, float] | None = None,
) -> Budget:
    """`folders`: the package folder of each addon. `turns`: traces as `stream-talk talk --trace` writes them. `probed_ms`: by node."""
    spoken = [turn for turn in turns if turn.get("endpoint_ms") is not None]
    lines = [
        Line(
            node.name,
            node.addon,
            read_declared(folders.get(node.addon)),
            _measured(node.name, spoken),
            (probed_ms or {}).get(node.name),
            models_mb(node.property),
        )
        for node in graph.nodes
    ]
    return Budget(tuple(lines))


def models_mb(properties: Any) -> float:
    return sum(_model_mb(name) for name in {name for _, name in store.named_models(properties)})


def _model_mb(name: str) -> float:
    folder, known = store.model_path(name), catalog.find(name)
    if store.is_installed(name):
        return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6
    return float(known.size_mb) if known is not None else 0.0


def _measured(node: str, turns: list[Mapping[str, Any]]) -> float | None:
    """Median over the turns of the first span that stands for this stage."""
    wanted = PATH.get(node, ())
    values = []
    for turn in turns:
        spans = {span["name"]: span for span in turn.get("spans", []) if span.get("node") == node}
        found = next((spans[name] for name in wanted if name in spans), None)
        if found is not None:
            values.append(float(found["end_ms"]) - float(found["start_ms"]))
    return statistics.median(values) if values else None
