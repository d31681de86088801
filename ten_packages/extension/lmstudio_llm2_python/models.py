"""Which model to talk to, loading it when it is not in memory."""

from __future__ import annotations

import logging
from typing import Any

from stream_talk.engines.interfaces import EngineUnavailable
from stream_talk.engines.limit import TooLate, within

from .connection import naming_failures
from .params import LmStudioParams

LOG = logging.getLogger(__name__)
MAX_NAMED = 6


async def choose(client: Any, params: LmStudioParams) -> str:
    if params.model:
        return params.model
    with naming_failures("listing its models"):
        loaded = [handle.identifier for handle in await client.llm.list_loaded()]
        if len(loaded) == 1:
            return str(loaded[0])
        names = loaded or [model.model_key for model in await client.list_downloaded_models("llm")]
    if len(names) == 1:
        return str(names[0])
    if not names:
        raise EngineUnavailable(
            "LM Studio has no model", "download one in LM Studio, or run `lms get MODEL`", permanent=False
        )
    listed = ", ".join(names[:MAX_NAMED]) + (" ..." if len(names) > MAX_NAMED else "")
    raise EngineUnavailable("LM Studio has several models", f"set `model` to one of: {listed}")


async def bring_up(client: Any, name: str, params: LmStudioParams, progress: LoadProgress) -> Any:
    """A handle of the loaded model. Loading reports its progress and may take minutes."""
    config = {"contextLength": params.context_length} if params.context_length else None
    work = client.llm.model(name, ttl=params.ttl_s or None, config=config, on_load_progress=progress.tell)
    try:
        with naming_failures(f"loading {name}"):
            return await within(work, params.load_timeout_ms)
    except TooLate as error:
        waited = f"{params.load_timeout_ms / 1000:g} s"
        raise EngineUnavailable(
            f"LM Studio did not load {name} within {waited}",
            "load it by hand, or raise `load_timeout_ms`",
            permanent=False,
        ) from error
    except EngineUnavailable as error:
        if "not found" in error.what.lower():
            remedy = f"download it in LM Studio, or run `lms get {name}`"
            raise EngineUnavailable(f"model {name} is not in LM Studio", remedy) from error
        raise


class LoadProgress:
    """Tells the log every tenth of the way."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.share = 0.0
        self._told = -1

    def tell(self, share: float) -> None:
        self.share = share
        tenth = int(share * 10)
        if tenth > self._told:
            self._told = tenth
            LOG.info("LM Studio loads %s: %d %%", self.name, round(share * 100))
