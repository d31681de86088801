from stream_talk.ten.asr import AsrExtension

from .config import FunAsrConfig


class FunAsrExtension(AsrExtension):
    vendor = "funasr"
    config_model = FunAsrConfig
    engine_at = ("engine.py", "FunAsrEngine")
    # PyTorch holds the interpreter's lock, sets process-wide threads and seeds, and prints.
    placement = "process"
