"""The language model base with a scripted engine, against the suite that real engines must pass."""

from __future__ import annotations

from pydantic import BaseModel
from stream_talk.ten import LlmConfig, LlmExtension
from stream_talk.testing.conformance_llm import LlmConformance
from stream_talk.testing.engines import ScriptedLlm
from stream_talk.testing.stage import register_for_test


class ScriptedParams(BaseModel):
    script: list[str] = ["Hello there, my friend. How are you today?"]
    token_delay_ms: float = 0.0
    endless: bool = False
    faults: list[str] = []


class ScriptedConfig(LlmConfig):
    params: ScriptedParams = ScriptedParams()


class ScriptedLlmExtension(LlmExtension):
    vendor = "scripted"
    config_model = ScriptedConfig
    engine_class = ScriptedLlm


register_for_test("ScriptedLlm", ScriptedLlmExtension)


class TestScripted(LlmConformance):
    addon = "ScriptedLlm"
    properties = {}
    failing_properties = {"params": {"faults": ["fail"]}}
    slow_properties = {"params": {"endless": True, "token_delay_ms": 5.0}}
