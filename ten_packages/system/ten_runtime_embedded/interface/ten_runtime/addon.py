"""Addons make extensions; a decorator makes them known by name."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from .addon_manager import _AddonManager

if TYPE_CHECKING:
    from .ten_env import TenEnv


class Addon:
    def on_create_instance(self, ten_env: TenEnv, name: str, context: Any) -> None:
        """Must lead to ``ten_env.on_create_instance_done(extension, context)``. ``name`` is the node's name."""
        raise NotImplementedError(f"{type(self).__name__} does not define on_create_instance")


AddonClass = TypeVar("AddonClass", bound=type[Any])


def register_addon_as_extension(name: str, base_dir: str | None = None) -> Callable[[AddonClass], AddonClass]:
    """The class is instantiated when a graph first needs it. Of several registrations of a name the last one counts."""
    file = base_dir if base_dir is not None else sys._getframe(1).f_code.co_filename
    directory = Path(file).parent

    def decorator(cls: AddonClass) -> AddonClass:
        def handler(register_ctx: Any) -> None:
            register_ctx.add(name, cls(), directory)

        _AddonManager._set_register_handler(name, handler)
        return cls

    return decorator
