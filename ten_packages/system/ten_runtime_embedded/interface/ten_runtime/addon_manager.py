"""The two phases of addons: registered by a decorator, instantiated when a graph needs them, once per process."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ._core.log import runtime_log

Handler = Callable[[Any], None]


class _AddonManager:
    _registry: dict[str, Handler] = {}
    _registered_addons: set[str] = set()

    @classmethod
    def _set_register_handler(cls, addon_name: str, register_handler: Handler) -> None:
        if addon_name in cls._registry:
            runtime_log.debug(f"addon '{addon_name}' is registered again; the newer registration counts")
        cls._registry[addon_name] = register_handler

    @classmethod
    def _register_addon(cls, addon_name: str, register_ctx: Any) -> bool:
        """Phase two for one addon. True when it is available afterwards."""
        if addon_name in cls._registered_addons:
            runtime_log.debug(f"addon '{addon_name}' is in use already")
            return True
        handler = cls._registry.get(addon_name)
        if handler is None:
            return False
        handler(register_ctx)
        cls._registered_addons.add(addon_name)
        return True

    @classmethod
    def register_all_addons(cls, register_ctx: Any) -> None:
        for addon_name in list(cls._registry):
            cls._register_addon(addon_name, register_ctx)
