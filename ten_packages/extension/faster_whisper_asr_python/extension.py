from stream_talk.ten.asr import AsrExtension

from .config import WhisperConfig


class FasterWhisperAsrExtension(AsrExtension):
    vendor = "faster-whisper"
    config_model = WhisperConfig
    engine_at = ("engine.py", "FasterWhisperEngine")
    # Its threads spin while they wait, and a restart is the only way out of a decode that hangs.
    placement = "process"
