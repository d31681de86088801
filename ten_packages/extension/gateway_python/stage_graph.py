"""One node of a conversation's graph as a graph of its own, so that a voice or an ear can be used without a conversation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stream_talk.ten import names
from ten_graph import FlatGraph

from .graph_host import GraphFailed

_IN_OUT: Mapping[str, tuple[tuple[str, str], ...]] = {
    "tts": (
        ("data_in", names.TTS_TEXT_INPUT),
        ("data_in", names.TTS_FLUSH),
        ("data_in", names.LIST_VOICES),
        ("audio_frame_out", names.PCM_FRAME),
        ("data_out", names.TTS_AUDIO_END),
        ("data_out", names.TTS_VISEMES),
        ("data_out", names.VOICES),
        ("data_out", names.ERROR),
    ),
    "stt": (
        ("audio_frame_in", names.PCM_FRAME),
        ("data_in", names.ASR_FINALIZE),
        ("data_out", names.ASR_RESULT),
        ("data_out", names.ASR_FINALIZE_END),
        ("data_out", names.ERROR),
    ),
}


def stage_graph(flat: FlatGraph, role: str, properties: Mapping[str, Any]) -> dict[str, Any]:
    """`role` is the node's name, which TEN fixes: `stt` or `tts`."""
    node = next((n for n in flat.nodes if n.name == role), None)
    if node is None:
        raise GraphFailed(f"this graph has no node {role!r}")
    body = {"type": "extension", "name": node.name, "addon": node.addon, "property": {**node.property, **properties}}
    if node.extension_group:
        body["extension_group"] = node.extension_group
    exposed = [{"type": kind, "name": name, "extension": role} for kind, name in _IN_OUT[role]]
    return {"nodes": [body], "connections": [], "exposed_messages": exposed}
