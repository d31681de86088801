"""One pocketsphinx decoder, tuned for conversation. Every choice was measured on 60 recorded prompts (README.md).

* `fwdflat=no`: the second pass over the whole utterance made `end_utt` take 122 ms (p50) and 456 ms (max) and did not
  lower the word error rate. Without it: 10 and 20 ms.
* `maxhmmpf=2000`: bounds the work per frame; a 20 ms chunk never took more than 8 ms, error rate unchanged.
* The cepstral mean is set for every utterance from its level. Left as it is, an utterance is read with the mean of whoever
  spoke before (another session, perhaps) or with the model's default, which cost 13 points of error rate.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from stream_talk.engines.interfaces import EngineUnavailable, Pcm16, Word

SAMPLE_RATE_HZ = 16000
_FRAME_MS = 10
# Mean cepstrum of 40 recorded prompts (none of them among the 60 of the benchmark), and the speech level it belongs to.
_MEAN_CEPSTRUM = (60.1, 9.4, 10.8, 11.7, 1.3, 6.7, -3.7, 4.7, 2.5, 0.7, -3.2, -2.7, 2.9)
_MEAN_LEVEL = 5535.0
_LEVEL_TO_C0 = 10.0
"""Change of the first coefficient per natural log unit of amplitude: 2 x sqrt(25 mel filters)."""
_LOUD_ENOUGH = 10 ** (-30 / 20)
_VARIANT = re.compile(r"\(\d+\)$")


@dataclass(frozen=True)
class ModelPaths:
    """Empty: the US-English model inside the pocketsphinx package."""

    hmm: str = ""
    lm: str = ""
    dictionary: str = ""


class UtteranceDecoder:
    """Decodes one utterance after the other."""

    def __init__(self, paths: ModelPaths, hot_words: dict[str, str]) -> None:
        self._decoder = _new_decoder(paths)
        for word, phones in hot_words.items():
            self._decoder.add_word(word.lower(), phones, True)
        self._running = False

    def start(self, opening: Pcm16) -> None:
        """`opening`: the first part of the utterance, for its level. It is not decoded yet."""
        if self._running:
            self._decoder.end_utt()
        self._decoder.set_cmn(_cepstral_mean(opening))
        self._decoder.start_utt()
        self._running = True

    def feed(self, pcm: Pcm16) -> None:
        self._decoder.process_raw(pcm.tobytes(), False, False)

    def end(self) -> None:
        if self._running:
            self._decoder.end_utt()
            self._running = False

    def words(self, offset_ms: int) -> list[Word]:
        """The best words so far; `offset_ms` is where the utterance began in its segment."""
        if self._decoder.hyp() is None:
            return []
        return [
            Word(
                _VARIANT.sub("", segment.word),
                offset_ms + segment.start_frame * _FRAME_MS,
                max(_FRAME_MS, (segment.end_frame - segment.start_frame + 1) * _FRAME_MS),
                stable=False,
            )
            for segment in self._decoder.seg()
            if segment.word[0] not in "<[+"
        ]

    def text(self) -> str:
        hypothesis = self._decoder.hyp()
        return hypothesis.hypstr if hypothesis is not None else ""


def _new_decoder(paths: ModelPaths) -> Any:
    try:
        from pocketsphinx import Decoder
    except ImportError as error:
        raise EngineUnavailable("pocketsphinx is not installed", "pip install pocketsphinx") from error
    named = {"hmm": paths.hmm, "lm": paths.lm, "dict": paths.dictionary}
    models = {key: path for key, path in named.items() if path}
    try:
        return Decoder(samprate=SAMPLE_RATE_HZ, loglevel="FATAL", fwdflat=False, maxhmmpf=2000, **models)
    except (RuntimeError, ValueError) as error:
        raise EngineUnavailable(
            f"pocketsphinx cannot load its model ({error}; {models or 'bundled model'})",
            "check params.hmm, params.lm and params.dict",
        ) from error


def _cepstral_mean(opening: Pcm16) -> str:
    level = speech_level(opening)
    shift = _LEVEL_TO_C0 * math.log(level / _MEAN_LEVEL) if level > 1.0 else 0.0
    return ",".join(f"{value:.2f}" for value in (_MEAN_CEPSTRUM[0] + shift, *_MEAN_CEPSTRUM[1:]))


def speech_level(pcm: Pcm16) -> float:
    """RMS of the 10 ms windows within 30 dB of the loudest."""
    window = SAMPLE_RATE_HZ // 100
    count = len(pcm) // window
    if count == 0:
        return 0.0
    power = np.square(pcm[: count * window].reshape(count, window).astype(np.float32)).mean(axis=1)
    loud = power[power >= power.max() * _LOUD_ENOUGH**2]
    return float(np.sqrt(loud.mean()))
