"""Properties of the stage; those of the model are described in `params`."""

from __future__ import annotations

from pydantic import Field
from stream_talk.ten.config import LlmConfig

from .params import LmStudioParams


class LmStudioConfig(LlmConfig):
    params: LmStudioParams = Field(default_factory=LmStudioParams)
