from stream_talk.ten.tts import TtsExtension

from .config import PiperConfig


class PiperTtsExtension(TtsExtension):
    vendor = "piper"
    config_model = PiperConfig
    engine_at = ("engine.py", "PiperEngine")
    # A GPL library: it lives in a worker of its own.
    placement = "process"
