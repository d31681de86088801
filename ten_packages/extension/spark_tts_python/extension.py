from stream_talk.ten.tts import TtsExtension

from .config import SparkConfig


class SparkTtsExtension(TtsExtension):
    vendor = "spark"
    config_model = SparkConfig
    engine_at = ("engine.py", "SparkEngine")
    # Its pins fit nobody else's, MLX belongs to one thread, and a kernel that hangs can only be killed.
    placement = "process"
