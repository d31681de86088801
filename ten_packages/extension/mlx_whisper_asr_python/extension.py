from stream_talk.ten.asr import AsrExtension

from .config import MlxConfig


class MlxWhisperAsrExtension(AsrExtension):
    vendor = "mlx"
    config_model = MlxConfig
    engine_at = ("engine.py", "MlxWhisperEngine")
    # MLX wants one thread of its own, and shares the GPU with nobody in the same process.
    placement = "process"
