"""Kokoro through kokoro-onnx."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from stream_talk.audio.pcm import Float32
from stream_talk.engines.interfaces import CancelToken, EngineUnavailable
from stream_talk.engines.interruptible import InterruptibleSession
from stream_talk.text.word_times import Phoneme, spoken_groups

from .options import KokoroOptions

_NOTHING: Float32 = np.zeros(0, np.float32)


class OnnxBackend:
    def __init__(self, options: KokoroOptions) -> None:
        self._options = options
        self._kokoro: Any = None
        self._chinese: Any = None
        self.phonemes: list[Phoneme] = []
        """Of the sentence rendered last, where the model tells."""

    def load(self) -> None:
        model, voices = (Path(path).expanduser() for path in (self._options.model, self._options.voices))
        for path, key in ((model, "model"), (voices, "voices")):
            if not path.is_file():
                raise EngineUnavailable(
                    f"there is no file {path}", f"write the path of Kokoro's {key} file in `params.{key}`"
                )
        try:
            from kokoro_onnx import Kokoro
            from onnxruntime import RunOptions
        except ImportError as error:
            raise EngineUnavailable("kokoro-onnx is not installed", "pip install 'stream-talk[kokoro]'") from error
        try:
            self._kokoro = Kokoro(str(model), str(voices))
        except Exception as error:  # onnxruntime, numpy and zipfile each have their own
            raise EngineUnavailable(
                f"Kokoro cannot be loaded from {model} and {voices} ({error})", "fetch both files again"
            ) from error
        self._kokoro.sess = InterruptibleSession(self._kokoro.sess, RunOptions)

    def voice_names(self) -> list[str]:
        return sorted(self._kokoro.voices)

    def render(self, sentence: str, voice: str, lang: str, rate: float, cancel: CancelToken) -> Float32:
        kokoro = self._kokoro
        phonemes = self._phonemes(sentence, lang)
        if not kokoro.tokenizer.tokenize(phonemes, limit=None):
            return _NOTHING
        kokoro.sess.cancel = cancel
        try:
            if self.tells_times:
                samples, _, times = kokoro.create_timed(phonemes, voice, speed=rate, lang=lang, is_phonemes=True)
                self.phonemes = [Phoneme(t.phoneme, t.start * 1000.0, t.end * 1000.0) for t in times]
            else:
                samples, _ = kokoro.create(phonemes, voice, speed=rate, lang=lang, is_phonemes=True)
        finally:
            kokoro.sess.cancel = None
        return np.asarray(samples, np.float32).ravel()

    @property
    def tells_times(self) -> bool:
        """kokoro-onnx 0.6 hands on the lengths of phonemes, where the model has them as an output."""
        return bool(getattr(self._kokoro, "has_timings", False))

    def groups(self, sentence: str, lang: str) -> int:
        return spoken_groups(self._phonemes(sentence, lang)) if self.tells_times else -1

    def _phonemes(self, sentence: str, lang: str) -> str:
        """Mandarin phonemes are misaki's where it is installed: the model was trained on them, espeak's are an approximation."""
        if lang in ("cmn", "zh") and self._chinese is None:
            self._chinese = _misaki_chinese()
        if lang in ("cmn", "zh") and self._chinese:
            return str(self._chinese(sentence)[0])
        return str(self._kokoro.tokenizer.phonemize(sentence, "cmn" if lang == "zh" else lang))


def _misaki_chinese() -> Any:
    try:
        from misaki import zh
    except ImportError:
        return False
    return zh.ZHG2P()
