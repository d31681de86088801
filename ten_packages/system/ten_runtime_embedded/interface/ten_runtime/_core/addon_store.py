"""From an addon's name to an extension instance: lookup, import when needed, creation."""

from __future__ import annotations

import asyncio
import importlib
import inspect
import json
import traceback
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..addon_manager import _AddonManager
from .base_dir import is_app_dir
from .log import runtime_log

if TYPE_CHECKING:
    from ..extension import BaseExtension
    from ..ten_env import TenEnv


class AddonError(RuntimeError):
    """No instance could be made; the text names the addon and, where there is one, the file."""


@dataclass(frozen=True)
class AddonEntry:
    name: str
    addon: Any
    base_dir: Path | None

    def file(self) -> str:
        try:
            return inspect.getfile(type(self.addon))
        except (TypeError, OSError):
            return str(self.base_dir or "unknown file")


@lru_cache(maxsize=1024)
def extension_base_dir(directory: Path, name: str) -> Path:
    """Upwards to the manifest of an extension of that name; without one, the directory of the decorator's file."""
    for candidate in (directory, *directory.parents):
        manifest = candidate / "manifest.json"
        if not manifest.is_file():
            continue
        try:
            content = json.loads(manifest.read_text(encoding="utf-8"))
        except (OSError, ValueError) as reason:
            runtime_log.error(f"{manifest}: {reason}; it is treated as absent")
            continue
        if isinstance(content, dict) and content.get("type") == "extension" and content.get("name") == name:
            return candidate
    return directory


class AddonStore:
    """One per process; whoever needs an addon first instantiates it."""

    def __init__(self) -> None:
        self._entries: dict[str, AddonEntry] = {}

    def add(self, name: str, addon: Any, directory: Path) -> None:
        """Called by registration handlers."""
        base_dir = extension_base_dir(directory, name)
        # An addon may be written in the app's own main file: the property.json beside it is the app's.
        self._entries[name] = AddonEntry(name, addon, None if is_app_dir(base_dir) else base_dir)

    async def find(self, name: str, loop: asyncio.AbstractEventLoop) -> AddonEntry:
        entry = self._known(name)
        if entry is not None:
            return entry
        # Imports may take seconds; live conversations on this loop must not wait for them.
        await loop.run_in_executor(None, self._import, name)
        entry = self._known(name)
        if entry is None:
            module = f"ten_packages.extension.{name}"
            raise AddonError(f'{module} was imported, but registers no addon "{name}"')
        return entry

    def _known(self, name: str) -> AddonEntry | None:
        entry = self._entries.get(name)
        if entry is not None:
            return entry
        try:
            _AddonManager._register_addon(name, self)
        except Exception as error:
            raise AddonError(f'addon "{name}" cannot be instantiated: {_reason(error)}') from error
        return self._entries.get(name)

    def _import(self, name: str) -> None:
        module = f"ten_packages.extension.{name}"
        try:
            importlib.import_module(module)
        except ModuleNotFoundError as error:
            if error.name is not None and (module == error.name or module.startswith(f"{error.name}.")):
                raise AddonError(f'unknown addon "{name}": there is no package {module}') from None
            raise AddonError(f'addon "{name}" cannot be imported: {_reason(error)}') from error
        except BaseException as error:
            raise AddonError(f'addon "{name}" cannot be imported: {_reason(error)}') from error

    def create(self, entry: AddonEntry, ten_env: TenEnv, node_name: str) -> InstanceContext:
        context = InstanceContext(asyncio.get_running_loop())
        try:
            entry.addon.on_create_instance(ten_env, node_name, context)
        except Exception as error:
            reason = _reason(error)
            raise AddonError(f'addon "{entry.name}" ({entry.file()}) cannot create an instance: {reason}') from error
        return context


class InstanceContext:
    """What ``on_create_instance`` passes on; the instance may arrive later and from any thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.instance: BaseExtension | None = None
        self._arrived: asyncio.Future[None] | None = None

    def done(self, instance: BaseExtension) -> None:
        self.instance = instance
        if self._arrived is None:
            return
        try:
            self._loop.call_soon_threadsafe(self._notify)
        except RuntimeError:
            runtime_log.debug("an instance arrived after its app had ended")

    def _notify(self) -> None:
        if self._arrived is not None and not self._arrived.done():
            self._arrived.set_result(None)

    async def wait(self, timeout_s: float) -> BaseExtension:
        if self.instance is None:
            self._arrived = self._loop.create_future()
            if self.instance is None:
                await asyncio.wait_for(self._arrived, timeout_s)
        assert self.instance is not None
        return self.instance


def _reason(error: BaseException) -> str:
    """The error and the place in the extension's own code where it arose."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({frames[-1].filename}:{frames[-1].lineno})" if frames else ""
    if isinstance(error, SyntaxError):
        place = f" ({error.filename}:{error.lineno})"
    return f"{type(error).__name__}: {error}{place}"


addon_store = AddonStore()
