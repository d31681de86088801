"""Which engine class, with which configuration, found where.

A worker must be able to import an engine without importing the extension around it (whose `__init__` registers an addon), so a
class is named by its file. The file is loaded as a member of a package that is only a path: `from .const import X` works, the
package's `__init__` does not run.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import json
import sys
import types
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_KIT = "stream_talk."


@dataclass(frozen=True)
class EngineSpec:
    """Hashable identity of a configured engine: two sessions with equal specs share one host."""

    module: str
    file: str
    class_name: str
    options_json: str
    engine_class: type[Any] | None = field(default=None, compare=False, repr=False)

    @staticmethod
    def of(engine_class: type[Any], options: dict[str, Any] | None = None) -> EngineSpec:
        options_json = json.dumps(options or {}, sort_keys=True, ensure_ascii=False)
        file = inspect.getfile(engine_class)
        return EngineSpec(engine_class.__module__, file, engine_class.__name__, options_json, engine_class)

    @staticmethod
    def at(file: str | Path, class_name: str, options: dict[str, Any] | None = None) -> EngineSpec:
        """An engine that is imported only where it runs; for modules whose imports exist only in the worker's environment."""
        options_json = json.dumps(options or {}, sort_keys=True, ensure_ascii=False)
        path = Path(file).resolve()
        return EngineSpec(path.stem, str(path), class_name, options_json)

    @property
    def label(self) -> str:
        return f"{Path(self.file).parent.name}.{self.class_name}"

    def create(self) -> Any:
        """A new engine instance. Costs the engine module's imports."""
        engine_class = self.engine_class or self._import_class()
        return engine_class(**json.loads(self.options_json))

    def _import_class(self) -> Any:
        if self.module.startswith(_KIT):
            return getattr(importlib.import_module(self.module), self.class_name)
        return getattr(_load_by_path(Path(self.file)), self.class_name)


def _load_by_path(file: Path) -> types.ModuleType:
    package_name = f"stream_talk_engine_{file.parent.name}"
    module_name = f"{package_name}.{file.stem}"
    loaded = sys.modules.get(module_name)
    if loaded is not None and loaded.__file__ == str(file):
        return loaded
    package = types.ModuleType(package_name)
    package.__path__ = [str(file.parent)]
    sys.modules[package_name] = package
    spec = importlib.util.spec_from_file_location(module_name, file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{file} is not a Python module")
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module
    spec.loader.exec_module(module)
    return module
