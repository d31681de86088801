"""Kokoro through mlx-audio, on Apple Silicon. MLX belongs to the thread that loaded it: the worker has one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from stream_talk.audio.pcm import Float32
from stream_talk.engines.interfaces import CancelToken, EngineUnavailable
from stream_talk.text.word_times import Phoneme

from .options import KokoroOptions

# mlx-audio's codes are the first letters of the voices.
_CODES = {
    "en-us": "a",
    "en-gb": "b",
    "es": "e",
    "fr-fr": "f",
    "hi": "h",
    "it": "i",
    "ja": "j",
    "pt-br": "p",
    "cmn": "z",
    "zh": "z",
}


class MlxBackend:
    def __init__(self, options: KokoroOptions) -> None:
        self._options = options
        self._folder = Path(options.model).expanduser()
        self._model: Any = None

    def load(self) -> None:
        if not self._folder.is_dir():
            # A name that is no folder would be downloaded.
            raise EngineUnavailable(
                f"there is no folder {self._folder}", "write the folder of Kokoro-82M-bf16 in `params.model`"
            )
        try:
            from mlx_audio.tts.utils import load
        except ImportError as error:
            raise EngineUnavailable("mlx-audio is not installed", "pip install 'stream-talk[mlx]'") from error
        self._model = load(str(self._folder), model_type="kokoro")

    def voice_names(self) -> list[str]:
        return sorted(path.stem for path in (self._folder / "voices").glob("*.safetensors"))

    phonemes: list[Phoneme] = []  # it does not tell their times

    def groups(self, sentence: str, lang: str) -> int:
        return -1

    def render(self, sentence: str, voice: str, lang: str, rate: float, cancel: CancelToken) -> Float32:
        parts: list[Float32] = []
        for result in self._model.generate(
            text=sentence, voice=str(self._folder / "voices" / f"{voice}.safetensors"), speed=rate,
            lang_code=_CODES.get(lang, "a"),
        ):  # fmt: skip
            if cancel.cancelled:
                break
            parts.append(np.array(result.audio, copy=False).astype(np.float32).ravel())
        return np.concatenate(parts) if parts else np.zeros(0, np.float32)
