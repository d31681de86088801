"""Puts the small app where graph files are looked for."""

import sys
from pathlib import Path

import pytest

# pytest imports test files one by one here (importlib mode): what they share must be findable.
sys.path.insert(0, str(Path(__file__).parent))

from small_app import DEFAULTS, MANIFESTS, write_json


@pytest.fixture
def app(tmp_path, monkeypatch):
    write_json(tmp_path / "manifest.json", {"type": "app", "name": "an_app", "version": "0.1.0"})
    for name, api in MANIFESTS.items():
        directory = tmp_path / "ten_packages" / "extension" / name
        write_json(directory / "manifest.json", {"type": "extension", "name": name, "version": "0.1.0", "api": api})
        write_json(directory / "property.json", DEFAULTS.get(name, {}))
    (tmp_path / "graphs").mkdir()
    monkeypatch.setenv("STREAM_TALK_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def write(app):
    """Writes a graph file of the small app."""
    return lambda name, tree: write_json(app / "graphs" / name, tree)
