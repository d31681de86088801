"""Native or embedded: decided once, when ``ten_runtime`` is imported."""

from __future__ import annotations

import os
import sys
import warnings
from pathlib import Path

from ten_runtime._core.base_dir import app_base_dir

NATIVE_PACKAGE = Path("ten_packages", "system", "ten_runtime_python")


def native_dir() -> Path | None:
    """The directory of the native ``ten_runtime`` package, when the app has it with its library."""
    root = app_base_dir() / NATIVE_PACKAGE
    package = root / "interface" / "ten_runtime"
    has_library = any((root / "lib").glob("*ten_runtime_python*"))
    return package if has_library and (package / "__init__.py").is_file() else None


def use_native(module_name: str) -> bool:
    """Turn the module into the native package. ``TEN_RUNTIME=embedded`` forbids it."""
    if os.environ.get("TEN_RUNTIME", "").lower() == "embedded":
        return False
    package = native_dir()
    if package is None:
        return False
    module = sys.modules[module_name]
    embedded_path, embedded_file = list(module.__path__), module.__file__
    ours = {name: sys.modules.pop(name) for name in list(sys.modules) if name.startswith(f"{module_name}.")}
    added = [str(package.parent), str(package.parent.parent / "lib")]
    sys.path[:0] = added
    module.__path__ = [str(package)]
    try:
        file = package / "__init__.py"
        module.__file__ = str(file)
        exec(compile(file.read_text(encoding="utf-8"), str(file), "exec"), module.__dict__)
    except ImportError as reason:
        # Typically built for another Python version: say so and go on with what works.
        for name in [name for name in sys.modules if name.startswith(f"{module_name}.")]:
            del sys.modules[name]
        sys.modules.update(ours)
        module.__path__, module.__file__ = embedded_path, embedded_file
        sys.path[:] = [entry for entry in sys.path if entry not in added]
        warnings.warn(f"the native ten_runtime in {package} cannot be used: {reason}", RuntimeWarning, stacklevel=3)
        return False
    return True
