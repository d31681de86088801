"""Stages around the test engines, as addons `test_vad`, `test_asr`, `test_llm` and `test_tts`, and the graph that joins them.

Everything runs inline and in simulated time, so a scenario gives the same result every time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from ten_graph import FlatGraph, flatten

from stream_talk.ten.asr import AsrExtension
from stream_talk.ten.config import AsrConfig, LlmConfig, TtsConfig, VadConfig
from stream_talk.ten.llm import LlmExtension
from stream_talk.ten.tts import TtsExtension
from stream_talk.ten.vad import VadExtension
from stream_talk.testing.coded_speech import CodedAsr, CodedTts
from stream_talk.testing.engines import LevelVad, ScriptedLlm
from stream_talk.testing.stage import register_for_test


class _Params(BaseModel):
    model_config = ConfigDict(extra="allow")


class _VadConfig(VadConfig):
    prefix_padding_ms: float = Field(60.0, ge=0)
    silence_duration_ms: float = Field(160.0, ge=0)
    params: _Params = Field(default_factory=_Params)


class _AsrConfig(AsrConfig):
    params: _Params = Field(default_factory=_Params)


class _LlmConfig(LlmConfig):
    params: _Params = Field(default_factory=_Params)


class _TtsConfig(TtsConfig):
    params: _Params = Field(default_factory=_Params)


class TestVadExtension(VadExtension):
    vendor = "test"
    config_model = _VadConfig
    engine_class = LevelVad


class TestAsrExtension(AsrExtension):
    vendor = "test"
    config_model = _AsrConfig
    engine_class = CodedAsr
    placement = "inline"


class TestLlmExtension(LlmExtension):
    vendor = "test"
    config_model = _LlmConfig
    engine_class = ScriptedLlm


class TestTtsExtension(TtsExtension):
    vendor = "test"
    config_model = _TtsConfig
    engine_class = CodedTts
    placement = "inline"


def register_test_stages() -> None:
    register_for_test("test_vad", TestVadExtension)
    register_for_test("test_asr", TestAsrExtension)
    register_for_test("test_llm", TestLlmExtension)
    register_for_test("test_tts", TestTtsExtension)


def test_graph(
    vocabulary: Sequence[str],
    replies: Sequence[Any],
    *,
    control: Mapping[str, Any] | None = None,
    llm: Mapping[str, Any] | None = None,
    tts: Mapping[str, Any] | None = None,
    extra_nodes: Sequence[Mapping[str, Any]] = (),
    extra_connections: Sequence[Mapping[str, Any]] = (),
) -> FlatGraph:
    """A session graph of test stages around the real `main_control_python` and `message_collector_python`."""
    words = list(vocabulary) + [reply for reply in replies if isinstance(reply, str)]
    nodes = [
        _node("vad", "test_vad", {}),
        _node("stt", "test_asr", {"params": {"vocabulary": words}}),
        _node("main_control", "main_control_python", dict(control or {})),
        _node("llm", "test_llm", {"params": {"script": list(replies), **(llm or {})}}),
        _node("tts", "test_tts", {"params": {"vocabulary": words, **(tts or {})}}),
        _node("message_collector", "message_collector_python", {}),
        *extra_nodes,
    ]
    tree = {"nodes": nodes, "connections": [*_CONNECTIONS, *extra_connections], "exposed_messages": _PORTS}
    return flatten(tree, base_dir=Path(), strict=True)


def _node(name: str, addon: str, properties: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "extension", "name": name, "addon": addon, "extension_group": name, "property": dict(properties)}


def _to(*names: str) -> list[dict[str, str]]:
    return [{"extension": name} for name in names]


_CONNECTIONS: list[dict[str, Any]] = [
    {
        "extension": "vad",
        "audio_frame": [{"name": "pcm_frame", "dest": _to("stt")}],
        "cmd": [{"names": ["start_of_sentence", "end_of_sentence"], "dest": _to("main_control")}],
    },
    {
        "extension": "stt",
        "data": [{"names": ["asr_result", "asr_finalize_end", "error"], "dest": _to("main_control")}],
    },
    {
        "extension": "main_control",
        "cmd": [{"names": ["chat_completion", "abort"], "dest": _to("llm")}],
        "data": [
            {"name": "asr_finalize", "dest": _to("stt")},
            {"names": ["tts_text_input", "tts_flush"], "dest": _to("tts")},
            {"name": "message", "dest": _to("message_collector")},
        ],
    },
    {
        "extension": "tts",
        "data": [
            {
                "names": ["tts_audio_start", "tts_audio_end", "tts_text_result", "tts_flush_end", "error"],
                "dest": _to("main_control"),
            }
        ],
    },
]

_PORTS = [
    {"type": "audio_frame_in", "name": "pcm_frame", "extension": "vad"},
    {"type": "data_in", "name": "client_event", "extension": "main_control"},
    {"type": "data_in", "name": "playout_report", "extension": "main_control"},
    {"type": "audio_frame_out", "name": "pcm_frame", "extension": "tts"},
    {"type": "data_out", "name": "tts_audio_start", "extension": "tts"},
    {"type": "data_out", "name": "tts_audio_end", "extension": "tts"},
    {"type": "data_out", "name": "playout_control", "extension": "main_control"},
    {"type": "cmd_out", "name": "flush", "extension": "main_control"},
    {"type": "data_out", "name": "message", "extension": "message_collector"},
]
