from stream_talk.ten.llm import LlmExtension

from .config import OpenAiConfig
from .engine import OpenAiEngine


class OpenAiLlmExtension(LlmExtension):
    vendor = "openai"
    config_model = OpenAiConfig
    engine_class = OpenAiEngine
