"""From a stage's configuration to loaded engines: the stage's own, and its fallback's.

A fallback is named by its extension (`espeak_tts_python`). Its package is found by the runtime's own import path, so extensions still
know nothing of each other: the graph file says who stands in for whom.
"""

from __future__ import annotations

import asyncio
import importlib
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from stream_talk import clock
from stream_talk.engines.fallback import FallbackChain, Link
from stream_talk.engines.host import EngineHost, EngineSpec, Placement
from stream_talk.engines.interfaces import EngineUnavailable
from stream_talk.engines.shared import hosts
from stream_talk.ten.config import StageConfig

_RETRY_DELAYS_MS = (500.0, 1000.0, 2000.0, 4000.0)
_PERMANENT_RETRY_MS = 60_000.0  # somebody may install what is missing


@dataclass(frozen=True)
class EngineChoice:
    """What an extension class says about its engine."""

    engine_class: type[Any] | None
    engine_at: tuple[str, str] | None
    placement: Placement
    config_model: type[StageConfig]
    options_of: Callable[[Any], dict[str, Any]]

    def host(self, config: StageConfig) -> EngineHost:
        options = self.options_of(config)
        settings = config.engine.host_settings(self.placement)
        if self.engine_class is not None:
            spec = EngineSpec.of(self.engine_class, options)
        elif self.engine_at is not None:
            spec = EngineSpec.at(*self.engine_at, options)
        else:
            raise TypeError("the extension names no engine: set engine_class or engine_at")
        return hosts.acquire(spec, settings)


def choice_of(extension_class: type[Any]) -> EngineChoice:
    engine_at = extension_class.engine_at
    if engine_at is not None:
        folder = inspect.getfile(extension_class).rpartition("extension.py")[0]
        engine_at = (folder + engine_at[0], engine_at[1])
    return EngineChoice(
        extension_class.engine_class,
        engine_at,
        extension_class.placement,
        extension_class.config_model,
        extension_class.engine_options,
    )


def extension_class_of(addon: str, base: type[Any]) -> type[Any]:
    """The extension class of another package that has the same role (derives from `base`)."""
    try:
        module = importlib.import_module(f"ten_packages.extension.{addon}.extension")
    except ImportError as error:
        raise EngineUnavailable(
            f"the fallback {addon} cannot be imported ({error})", "name an extension of ten_packages/extension"
        ) from error
    for value in vars(module).values():
        if inspect.isclass(value) and issubclass(value, base) and value.__module__ == module.__name__:
            return value
    raise EngineUnavailable(f"{addon} is no {base.__name__}", "choose a fallback of the same role")


class EngineLinks:
    """The chain of one stage: acquires hosts, loads them in order, retries, and gives them back."""

    def __init__(self, on_switch: Callable[[str], None], late_ms: float) -> None:
        self._on_switch = on_switch
        self._late_ms = late_ms
        self.chain: FallbackChain[EngineHost] | None = None

    def build(self, name: str, choice: EngineChoice, config: StageConfig, base: type[Any]) -> FallbackChain[EngineHost]:
        fallback = config.fallback
        late_ms = fallback.late_ms if fallback else self._late_ms
        retry_ms = fallback.retry_after_ms if fallback else 0.0
        links = [Link(name, choice.host(config), late_ms, retry_ms)]
        if fallback is not None:
            other = choice_of(extension_class_of(fallback.addon, base))
            other_config = other.config_model.model_validate(
                {"params": fallback.params, "engine": fallback.engine.model_dump()}
            )
            links.append(Link(fallback.addon, other.host(other_config), self._late_ms, retry_ms))
        self.chain = FallbackChain(links, self._on_switch)
        return self.chain

    async def load(
        self, link: Link[EngineHost], on_problem: Callable[[EngineUnavailable | Exception, bool], None]
    ) -> None:
        """Load until it works. `on_problem(error, permanent)` is told of the first failure of each kind."""
        told: set[str] = set()
        attempt = 0
        while True:
            try:
                await link.engine.load()
                link.available = True
                return
            except Exception as error:
                permanent = isinstance(error, EngineUnavailable) and error.permanent
                if str(error) not in told:
                    told.add(str(error))
                    on_problem(error, permanent)
            delay_ms = _PERMANENT_RETRY_MS if permanent else _RETRY_DELAYS_MS[min(attempt, len(_RETRY_DELAYS_MS) - 1)]
            attempt += 1
            await clock.sleep_ms(delay_ms)

    async def load_fallbacks(self, on_problem: Callable[[EngineUnavailable | Exception, bool], None]) -> None:
        if self.chain is not None and len(self.chain.links) > 1:
            await asyncio.gather(*(self.load(link, on_problem) for link in self.chain.links[1:]))

    def release(self) -> None:
        if self.chain is not None:
            for link in self.chain.links:
                hosts.release(link.engine)
