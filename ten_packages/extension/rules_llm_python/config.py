"""Properties of the stage; those of the model are described in `params`."""

from __future__ import annotations

from pydantic import Field
from stream_talk.ten.config import LlmConfig

from .params import RulesParams


class RulesConfig(LlmConfig):
    params: RulesParams = Field(default_factory=RulesParams)
