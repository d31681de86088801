"""Fetching models from a hub of the tests' own, over real HTTP: resume, checksums, licences, mirrors."""

from __future__ import annotations

import hashlib
import json
import shutil
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest
from stream_talk.models import catalog, store
from stream_talk_cli.main import main
from stream_talk_cli.models import fetch

WEIGHTS = bytes(range(256)) * 20_000
NAME = "faster-whisper-tiny"


class Hub(BaseHTTPRequestHandler):
    """Speaks the file listings and downloads of both hubs. `server.cut` breaks the next download off after so many bytes."""

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        self.server.asked.append((self.path, self.headers.get("Range")))
        if "/tree/main" in url.path:
            files = [
                {"type": "directory", "path": "sub"},
                {"type": "file", "path": "config.json", "size": 2},
                {"type": "file", "path": "sub/model.bin", "size": len(WEIGHTS), "lfs": {"oid": self.server.sha256}},
            ]
            self.answer(json.dumps(files).encode())
        elif url.path.endswith("/repo/files"):
            listed = [{"Type": "blob", "Path": "model.bin", "Size": len(WEIGHTS), "Sha256": self.server.sha256}]
            self.answer(json.dumps({"Data": {"Files": listed}}).encode())
        elif url.path.endswith("config.json"):
            self.answer(b"{}")
        elif url.path.endswith("model.bin") or "model.bin" in parse_qs(url.query).get("FilePath", [""])[0]:
            self.weights()
        else:
            self.send_error(404)

    def answer(self, body: bytes, status: int = 200) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def weights(self) -> None:
        asked = self.headers.get("Range")
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked else 0
        body = WEIGHTS[start:]
        self.send_response(206 if asked else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        cut, self.server.cut = self.server.cut, None
        self.wfile.write(body[:cut] if cut else body)

    def log_message(self, *args) -> None:
        pass


@pytest.fixture
def hub(monkeypatch, tmp_path) -> Iterator[ThreadingHTTPServer]:
    monkeypatch.setenv("STREAM_TALK_MODELS_DIR", str(tmp_path / "models"))
    for name in ("HF_HUB_OFFLINE", "STREAM_TALK_OFFLINE", "HF_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    server.asked, server.cut, server.sha256 = [], None, hashlib.sha256(WEIGHTS).hexdigest()
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def test_a_model_is_fetched_found_named_and_removed(hub, capsys):
    assert main(["models", "path", NAME]) == 1
    assert f"stream-talk models pull {NAME}" in capsys.readouterr().err
    assert main(["models", "pull", NAME]) == 0
    assert (store.model_path(NAME) / "sub" / "model.bin").read_bytes() == WEIGHTS
    assert store.is_installed(NAME)
    capsys.readouterr()
    assert main(["models", "path", NAME]) == 0
    assert capsys.readouterr().out.strip() == str(store.model_path(NAME))
    assert main(["models", "rm", NAME]) == 0
    assert not store.is_installed(NAME)


def test_a_broken_off_download_goes_on_where_it_stopped(hub, capsys):
    hub.cut = 1_000_000
    assert main(["models", "pull", NAME]) == 1
    assert "goes on from there" in capsys.readouterr().err
    assert not store.is_installed(NAME)
    assert main(["models", "pull", NAME]) == 0
    resumed = [int(asked.removeprefix("bytes=").rstrip("-")) for path, asked in hub.asked if asked]
    assert resumed and 0 < resumed[-1] <= 1_000_000
    assert (store.model_path(NAME) / "sub" / "model.bin").read_bytes() == WEIGHTS


def test_a_damaged_file_is_not_kept(hub, capsys):
    hub.sha256 = "0" * 64
    assert main(["models", "pull", NAME]) == 1
    assert "damaged" in capsys.readouterr().err
    assert not store.is_installed(NAME)
    assert not list(store.model_path(NAME).rglob("*.part"))


def test_modelscope_is_asked_in_its_own_way(hub, capsys):
    mirror = f"http://127.0.0.1:{hub.server_port}"
    assert main(["models", "pull", "sensevoice-small", "--hub", "modelscope", "--mirror", mirror]) == 0
    assert (store.model_path("sensevoice-small") / "model.bin").read_bytes() == WEIGHTS
    assert main(["models", "pull", NAME, "--hub", "modelscope"]) == 1
    assert "not on ModelScope" in capsys.readouterr().err


def test_a_restricted_licence_must_be_accepted(hub, capsys):
    assert main(["models", "pull", "spark"]) == 1
    said = capsys.readouterr().err
    assert "CC BY-NC-SA" in said and "--accept-licence" in said
    assert not hub.asked, "nothing is fetched before the licence is accepted"
    assert main(["models", "pull", "spark", "--accept-licence"]) == 0


def test_offline_mode_is_honoured_and_a_folder_still_works(hub, monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert main(["models", "pull", NAME]) == 1
    assert "--from DIR" in capsys.readouterr().err and not hub.asked
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "model.bin").write_bytes(b"x")
    assert main(["models", "pull", NAME, "--from", str(folder)]) == 0
    assert (store.model_path(NAME) / "model.bin").read_bytes() == b"x"


def test_an_absent_hub_and_an_unknown_model_are_said(hub, capsys):
    assert main(["models", "pull", NAME, "--mirror", "http://127.0.0.1:1"]) == 1
    assert "cannot be reached" in capsys.readouterr().err
    assert main(["models", "pull", "faster-whisper-tyni"]) == 1
    assert 'did you mean "faster-whisper-tiny"' in capsys.readouterr().err


def test_a_model_that_is_on_no_hub_says_where_it_is(hub, capsys):
    assert main(["models", "pull", "kokoro"]) == 1
    assert "--from DIR" in capsys.readouterr().err


def test_a_folder_without_the_files_of_the_model_is_refused(hub, tmp_path, capsys):
    folder = tmp_path / "mine"
    folder.mkdir()
    assert main(["models", "pull", NAME, "--from", str(folder)]) == 1
    assert "lacks any file" in capsys.readouterr().err
    (folder / "kokoro-v1.0.onnx").write_bytes(b"x")
    assert main(["models", "pull", "kokoro", "--from", str(folder)]) == 1
    assert "lacks voices-v1.0.bin" in capsys.readouterr().err
    assert not store.is_installed("kokoro")


def test_what_is_fetched_already_needs_no_room(hub, monkeypatch, capsys):
    hub.cut = 1_000_000
    assert main(["models", "pull", NAME]) == 1
    part = sum(path.stat().st_size for path in store.model_path(NAME).rglob("*") if path.is_file())
    usage = shutil.disk_usage(store.model_path(NAME))
    left = len(WEIGHTS) - part
    monkeypatch.setattr(fetch.shutil, "disk_usage", lambda _: usage._replace(free=left + 5000))
    assert main(["models", "pull", NAME]) == 0
    assert main(["models", "rm", NAME]) == 0
    monkeypatch.setattr(fetch.shutil, "disk_usage", lambda _: usage._replace(free=left))
    assert main(["models", "pull", NAME]) == 1
    assert "MB more" in capsys.readouterr().err


def test_models_in_properties_become_paths(hub):
    tree = {"params": {"model": f"model:{NAME}/sub/model.bin", "other": 3}, "list": ["model:spark"]}
    resolved = store.resolve_models(tree)
    assert resolved["params"] == {"model": str(store.model_path(NAME) / "sub" / "model.bin"), "other": 3}
    assert list(store.named_models(tree)) == [("params.model", NAME), ("list[0]", "spark")]


def test_no_restricted_model_is_the_default_of_a_graph():
    from stream_talk.graph import app_home

    named = {
        path.stem: [name for _, name in store.named_models(json.loads(path.read_text())) if not catalog.find(name).free]
        for path in sorted((app_home() / "graphs").glob("*.json"))
    }
    # Spark is what this graph is for; it is chosen by name, and its weights are fetched only when the licence is accepted.
    assert {graph: names for graph, names in named.items() if names} == {"mlx": ["Spark-TTS-0.5B-bf16"]}
