from stream_talk.ten.llm import LlmExtension

from .config import LmStudioConfig
from .engine import LmStudioEngine


class LmStudioLlmExtension(LlmExtension):
    vendor = "lmstudio"
    config_model = LmStudioConfig
    engine_class = LmStudioEngine
