"""What to type when a model's folder is not there."""

from __future__ import annotations

from pathlib import Path

from stream_talk.paths import models_dir


def how_to_get(path: str | Path) -> str:
    """For a folder where `models pull` puts models, that command; otherwise only the advice to correct the path."""
    given, store = Path(path).expanduser().absolute(), models_dir().expanduser().absolute()
    if given.is_relative_to(store) and given != store:
        return f"run `stream-talk models pull {given.relative_to(store).parts[0]}`"
    return "correct the path, or fetch the model again"
