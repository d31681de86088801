from stream_talk.ten.llm import LlmExtension

from .config import RulesConfig
from .engine import RulesEngine


class RulesLlmExtension(LlmExtension):
    vendor = "rules"
    config_model = RulesConfig
    engine_class = RulesEngine
