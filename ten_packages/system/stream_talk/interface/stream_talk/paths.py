"""Where a person's data lives on this machine."""

from __future__ import annotations

import os
import sys
from pathlib import Path

_APP = "stream-talk"


def data_dir() -> Path:
    """The user's data directory; STREAM_TALK_DATA_DIR overrides it."""
    override = os.environ.get("STREAM_TALK_DATA_DIR")
    if override:
        return Path(override).expanduser()
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local")) / _APP
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / _APP
    return Path(os.environ.get("XDG_DATA_HOME", Path.home() / ".local" / "share")) / _APP


def memory_file() -> Path:
    return data_dir() / "memory.db"


def analytics_file() -> Path:
    return data_dir() / "analytics.db"


def models_dir() -> Path:
    """Where `stream-talk models pull` puts models; STREAM_TALK_MODELS_DIR overrides it."""
    override = os.environ.get("STREAM_TALK_MODELS_DIR")
    return Path(override).expanduser() if override else data_dir() / "models"


def environments_dir() -> Path:
    """Where `stream-talk engines install` builds environments."""
    return data_dir() / "engines"
