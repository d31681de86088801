from stream_talk.ten.tts import TtsExtension

from .config import ChatterboxConfig


class ChatterboxTtsExtension(TtsExtension):
    vendor = "chatterbox"
    config_model = ChatterboxConfig
    engine_at = ("engine.py", "ChatterboxEngine")
    # Its exact pins fit nobody else's, and a kernel that hangs can only be killed.
    placement = "process"
