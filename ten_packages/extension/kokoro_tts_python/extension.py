from stream_talk.ten.tts import TtsExtension

from .config import KokoroConfig


class KokoroTtsExtension(TtsExtension):
    vendor = "kokoro"
    config_model = KokoroConfig
    engine_at = ("engine.py", "KokoroEngine")
    # Its phonemes come from espeak-ng, which is GPL and one global machine: it lives in a worker of its own.
    placement = "process"
