"""The synthesis base with a tone for a voice, under every placement, against the suite that real voices must pass."""

from __future__ import annotations

from typing import ClassVar

from pydantic import BaseModel
from stream_talk.engines.host import Placement
from stream_talk.ten import TtsConfig, TtsExtension
from stream_talk.testing.conformance_tts import TtsConformance
from stream_talk.testing.engines import ToneTts
from stream_talk.testing.stage import register_for_test


class ToneParams(BaseModel):
    voice: str
    sample_rate: int = 0
    unavailable: str = ""


class ToneConfig(TtsConfig):
    params: ToneParams

    @property
    def engine_rate(self) -> int:
        return 16000


class InlineTone(TtsExtension):
    vendor = "tone"
    config_model = ToneConfig
    engine_class = ToneTts
    placement: ClassVar[Placement] = "inline"


class ThreadTone(InlineTone):
    placement: ClassVar[Placement] = "thread"


class ProcessTone(InlineTone):
    placement: ClassVar[Placement] = "process"


for extension in (InlineTone, ThreadTone, ProcessTone):
    register_for_test(extension.__name__, extension)


class TestInline(TtsConformance):
    addon = "InlineTone"
    properties = {"params": {"voice": "tone"}}
    missing_properties = {"params": {}}


class TestThread(TestInline):
    addon = "ThreadTone"


class TestProcess(TestInline):
    addon = "ProcessTone"
