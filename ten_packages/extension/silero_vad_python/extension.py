from typing import Any

from stream_talk.ten.vad import VadExtension

from .config import SileroVadConfig
from .engine import SileroVadEngine


class SileroVadExtension(VadExtension):
    vendor = "silero"
    config_model = SileroVadConfig
    engine_class = SileroVadEngine

    @classmethod
    def engine_options(cls, config: Any) -> dict[str, Any]:
        return {"model_path": config.model_path}
