"""Which voices there are, and their conditioning, computed once per (voice, exaggeration)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from stream_talk.engines.interfaces import EngineUnavailable, Voice

RECORDINGS = (".wav", ".flac", ".mp3", ".ogg")
STORED = ".pt"
BUILT_IN = "default"
STEP = 0.05


class VoiceShelf:
    def __init__(self, model: Any, folder: str) -> None:
        self._model = model
        self._built_in = model.conds
        self._folder = Path(folder).expanduser() if folder else None
        self._made: dict[tuple[str, float], Any] = {}

    def names(self) -> list[str]:
        built_in = [BUILT_IN] if self._built_in is not None else []
        return built_in + sorted(self._files())

    def list(self) -> list[Voice]:
        return [Voice(name, "en", "built in" if name == BUILT_IN else "cloned") for name in self.names()]

    def _files(self) -> dict[str, Path]:
        if self._folder is None or not self._folder.is_dir():
            return {}
        return {path.stem: path for path in sorted(self._folder.iterdir()) if path.suffix in (*RECORDINGS, STORED)}

    def knows(self, voice: str) -> bool:
        return voice in self.names()

    def conditionals(self, voice: str, exaggeration: float) -> Any:
        """The model's `conds` for this voice. `voice` is a name of the shelf or, from the configuration, a path."""
        # In steps, so that a slider of a page cannot fill the memory with conditionings.
        key = (voice or BUILT_IN, round(round(exaggeration / STEP) * STEP, 2))
        if key not in self._made:
            self._made[key] = self._make(*key)
        return self._made[key]

    def _make(self, voice: str, exaggeration: float) -> Any:
        path = self._files().get(voice) or (Path(voice).expanduser() if voice != BUILT_IN else None)
        if path is None:
            if self._built_in is None:
                raise EngineUnavailable("the model folder has no conds.pt", "name a recording in `params.voice`")
            return self._exaggerated(self._built_in, exaggeration)
        if not path.is_file():
            raise EngineUnavailable(
                f"there is no voice {voice!r}", f"write one of: {', '.join(self.names())}, or the path of a recording"
            )
        if path.suffix == STORED:
            from chatterbox.tts import Conditionals

            stored = Conditionals.load(path, map_location=self._model.device)
            return self._exaggerated(stored.to(self._model.device), exaggeration)
        self._model.prepare_conditionals(str(path), exaggeration=exaggeration)
        return self._model.conds

    def _exaggerated(self, conds: Any, exaggeration: float) -> Any:
        """A copy with that much emotion; the parts that do not depend on it are shared."""
        import torch

        t3 = conds.t3
        changed = type(t3)(
            speaker_emb=t3.speaker_emb,
            cond_prompt_speech_tokens=t3.cond_prompt_speech_tokens,
            emotion_adv=exaggeration * torch.ones(1, 1, 1),
        ).to(device=self._model.device)
        return type(conds)(changed, conds.gen)
