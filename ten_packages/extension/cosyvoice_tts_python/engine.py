"""Speech by CosyVoice 2 (and 3, and 300M) from a checkout of upstream, streamed by our own loop."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Any

import numpy as np
from stream_talk.audio.pcm import silence, to_pcm16
from stream_talk.audio.seams import EdgeJoiner
from stream_talk.engines.interfaces import CancelToken, SpeechChunk, SpeechRequest, Voice

from .options import CosyvoiceOptions

EDGE_MS = 5


class CosyvoiceEngine:
    """One request at a time: the worker sees to that, the model could not."""

    def __init__(self, **options: Any) -> None:
        self._options = CosyvoiceOptions(**options)
        self._cosy: Any = None
        self._speakers: Any = None
        self._voice = ""
        self.sample_rate_hz = 24000

    def load(self) -> None:
        if self._cosy is not None:
            return
        from .checkout import load_upstream

        cosy = load_upstream(self._options)
        from .speakers import Speakers
        from .stream_model import streaming_class

        model = cosy.model
        model.__class__ = streaming_class(type(model))
        model.first_hop_tokens = self._options.first_hop_tokens
        if hasattr(model, "source_cache_len"):
            # Upstream's Hamming window sums to 1.08: a swell of 0.7 dB at every seam.
            model.speech_window = np.hanning(2 * model.source_cache_len)
        self._speakers = Speakers(cosy, self._options.voices_dir)
        self._voice = self._speakers.prepare(self._options.voice)
        self.sample_rate_hz = int(cosy.sample_rate)
        self._cosy = cosy

    def warm_up(self) -> None:
        for text in ("准备好了。", "This is the sentence that warms the machine up for the next one."):
            for _ in self.speak(SpeechRequest(text), _NEVER):
                pass

    def close(self) -> None:
        self._cosy = self._speakers = None

    def voices(self) -> Sequence[Voice]:
        self.load()
        listed: list[Voice] = self._speakers.list()
        return listed

    def speak(self, request: SpeechRequest, cancel: CancelToken) -> Iterator[SpeechChunk]:
        self.load()
        # Text without a letter makes no token, and an empty list of tokens breaks the flow.
        if cancel.cancelled or not any(char.isalnum() for char in request.text):
            return
        if not request.first_of_reply and self._options.clause_pause_ms:
            yield SpeechChunk(silence(self._options.clause_pause_ms, self.sample_rate_hz))
        if self._options.seed is not None:
            import torch

            torch.manual_seed(self._options.seed)
        self._cosy.model.cancel = cancel
        edges = EdgeJoiner(EDGE_MS * self.sample_rate_hz // 1000)
        edges.begin()
        voice = self._voice_of(request.options)
        sound = self._speakers.synthesis(voice, request.text, self._options.text_frontend)
        with closing(sound):
            for output in sound:
                if cancel.cancelled:
                    return
                yield SpeechChunk(to_pcm16(edges.push(output["tts_speech"].squeeze(0).float().numpy())))
        if not cancel.cancelled:
            yield SpeechChunk(to_pcm16(edges.end()))

    def _voice_of(self, options: dict[str, Any]) -> str:
        """A voice that does not exist is not taken: a live setting must not silence the reply."""
        asked = str(options.get("voice") or "")
        if asked not in self._speakers.names():
            return self._voice
        prepared: str = self._speakers.prepare(asked)
        return prepared


class _Never:
    cancelled = False


_NEVER = _Never()
