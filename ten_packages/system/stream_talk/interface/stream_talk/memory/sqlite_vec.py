"""Finds the SQLite extension sqlite-vec and loads it where that is possible. The package is an extra; nothing of it is imported."""

from __future__ import annotations

import importlib.util
import logging
import sqlite3
from pathlib import Path

_LOG = logging.getLogger(__name__)


def extension_file() -> Path | None:
    """The loadable library inside the package `sqlite_vec`, without the ending that SQLite adds itself."""
    spec = importlib.util.find_spec("sqlite_vec")
    return Path(spec.origin).parent / "vec0" if spec is not None and spec.origin else None


def load(connection: sqlite3.Connection) -> bool:
    """True when this connection knows sqlite-vec's functions now."""
    path = extension_file()
    if path is None or not hasattr(connection, "enable_load_extension"):
        return False
    connection.enable_load_extension(True)
    try:
        connection.load_extension(str(path))
    except sqlite3.OperationalError as error:
        _LOG.warning("sqlite-vec cannot be loaded (%s); numpy searches instead", error)
        return False
    finally:
        connection.enable_load_extension(False)
    return True
