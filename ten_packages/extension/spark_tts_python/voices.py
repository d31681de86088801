"""The voices: recordings, encoded once; and voices made from a style, frozen, because the model invents another one every time."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from stream_talk.engines.interfaces import EngineUnavailable, Voice

from .prompt import SparkVoice, Style

RECORDINGS = (".wav", ".flac", ".mp3", ".ogg")
STORED = ".json"


class VoiceShelf:
    def __init__(
        self, folder: str, encode: Callable[[Path], SparkVoice], create: Callable[[Style], SparkVoice]
    ) -> None:
        self._folder = Path(folder).expanduser() if folder else None
        self._encode = encode
        self._create = create
        self._made: dict[str, SparkVoice] = {}

    def names(self) -> list[str]:
        return sorted({*self._files(), *self._made})

    def list(self) -> list[Voice]:
        return [
            Voice(
                n,
                "zh, en",
                "created, not for commercial use" if n.startswith("created-") else "cloned, not for commercial use",
            )
            for n in self.names()
        ]

    def _files(self) -> dict[str, Path]:
        if self._folder is None or not self._folder.is_dir():
            return {}
        return {p.stem: p for p in sorted(self._folder.iterdir()) if p.suffix in (*RECORDINGS, STORED)}

    def named(self, name: str) -> SparkVoice:
        if name not in self._made:
            path = self._files().get(name)
            if path is None:
                there = ", ".join(self.names()) or "none yet"
                raise EngineUnavailable(f"there is no voice {name!r} in `params.voices_dir`", f"there are: {there}")
            self._made[name] = _stored(path) if path.suffix == STORED else self._recorded(path)
        return self._made[name]

    def styled(self, style: Style) -> SparkVoice:
        if style.name in self._made or style.name in self._files():
            return self.named(style.name)
        voice = self._made[style.name] = self._create(style)
        if self._folder is not None and self._folder.is_dir():
            body = {"global_ids": voice.global_ids, "semantic_ids": voice.semantic_ids, "text": voice.text}
            (self._folder / f"{style.name}{STORED}").write_text(json.dumps(body), encoding="utf-8")
        return voice

    def _recorded(self, path: Path) -> SparkVoice:
        voice = self._encode(path)
        transcript = path.with_suffix(".txt")
        text = transcript.read_text(encoding="utf-8").strip() if transcript.is_file() else ""
        return SparkVoice(voice.global_ids, voice.semantic_ids if text else (), text)


def _stored(path: Path) -> SparkVoice:
    body = json.loads(path.read_text(encoding="utf-8"))
    return SparkVoice(tuple(body["global_ids"]), tuple(body["semantic_ids"]), body["text"])
