from __future__ import annotations

from stream_talk.testing.conformance_tts import TtsConformance


class TestConformance(TtsConformance):
    addon = "espeak_tts_python"
    properties = {"params": {"voice": "en-us"}}
    invalid_properties = {"params": {"voice": "no such voice"}}
    missing_properties = {"params": {}}
