"""Speech by Spark-TTS, really streamed: semantic tokens one by one, BiCodec in overlapping windows."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import asdict
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from stream_talk.audio.pcm import silence, to_pcm16
from stream_talk.audio.seams import EdgeJoiner
from stream_talk.engines.interfaces import CancelToken, EngineUnavailable, SpeechChunk, SpeechRequest, Voice

from .mlx_backend import MlxBackend
from .options import SparkOptions
from .prompt import GENDERS, GLOBAL_TOKENS, LEVELS, SparkVoice, Style, cloned, created, token_limit
from .torch_backend import TorchBackend
from .voices import VoiceShelf
from .windows import WindowDecoder

EDGE_SAMPLES = 80  # 5 ms
AUDITION = "This is the voice that I would like to speak with."
LICENCE = "the weights of Spark-TTS are CC BY-NC-SA 4.0: not for commercial use"


class SparkEngine:
    sample_rate_hz = 16000

    def __init__(self, **options: Any) -> None:
        self._options = SparkOptions(**options)
        self._backend: TorchBackend | MlxBackend | None = None
        self._shelf: VoiceShelf | None = None

    def load(self) -> None:
        if self._backend is not None:
            return
        options = self._options
        backend = MlxBackend(options) if _chosen(options) == "mlx" else TorchBackend(options)
        backend.load()
        logging.getLogger(__name__).warning(LICENCE)
        self._backend = backend
        self._shelf = VoiceShelf(options.voices_dir, backend.encode, self._create)
        try:
            self._voice_of({})
        except EngineUnavailable:
            self.close()
            raise

    def warm_up(self) -> None:
        for text in ("准备好了。", "This is the sentence that warms the machine up for the next one."):
            for _ in self.speak(SpeechRequest(text), _NEVER):
                pass

    def close(self) -> None:
        self._backend = self._shelf = None

    def voices(self) -> Sequence[Voice]:
        self.load()
        assert self._shelf is not None
        return self._shelf.list()

    def speak(self, request: SpeechRequest, cancel: CancelToken) -> Iterator[SpeechChunk]:
        self.load()
        assert self._backend is not None
        # Without semantic tokens BiCodec raises.
        if cancel.cancelled or not any(char.isalnum() for char in request.text):
            return
        if not request.first_of_reply and self._options.clause_pause_ms:
            yield SpeechChunk(silence(self._options.clause_pause_ms, self.sample_rate_hz))
        voice = self._voice_of(request.options)
        decoder = WindowDecoder(partial(self._backend.detokenize, voice.global_ids))
        edges = EdgeJoiner(EDGE_SAMPLES)
        edges.begin()
        with closing(self._semantic(request.text, voice)) as tokens:
            for token in tokens:
                if cancel.cancelled:
                    return
                wave = decoder.push(token)
                if wave is not None:
                    yield SpeechChunk(to_pcm16(edges.push(wave)))
        if not cancel.cancelled:
            yield SpeechChunk(to_pcm16(edges.push(decoder.finish())))
            yield SpeechChunk(to_pcm16(edges.end()))

    def _semantic(self, text: str, voice: SparkVoice) -> Iterator[int]:
        assert self._backend is not None
        vocabulary = self._backend.vocabulary
        allowed = frozenset((*vocabulary.semantic, vocabulary.sound_begins))
        self._backend.seed(self._options.seed)
        with closing(self._backend.tokens(cloned(text, voice), allowed, token_limit(text))) as tokens:
            for token in tokens:
                if token in vocabulary.semantic:
                    yield vocabulary.semantic[token]

    def _create(self, style: Style) -> SparkVoice:
        """The model says who speaks before it says what: that much of one reading is the voice from now on."""
        assert self._backend is not None
        numbers = self._backend.vocabulary.globals
        self._backend.seed(self._options.seed)
        with closing(self._backend.tokens(created(AUDITION, style), None, token_limit(AUDITION))) as tokens:
            # Before them come the values that the model gives the style.
            global_ids = tuple(islice((numbers[token] for token in tokens if token in numbers), GLOBAL_TOKENS))
        if len(global_ids) < GLOBAL_TOKENS:
            raise EngineUnavailable("Spark-TTS made no voice of this style", "name a recording in `params.voice`")
        return SparkVoice(global_ids)

    def _voice_of(self, asked: dict[str, Any]) -> SparkVoice:
        """A voice or style that does not exist is not taken: a live setting must not silence the reply."""
        assert self._shelf is not None
        options = self._options
        wanted = str(asked.get("voice") or "")
        if wanted in self._shelf.names():
            return self._shelf.named(wanted)
        known = {"gender": GENDERS, "pitch": LEVELS, "speed": LEVELS}
        usual = asdict(Style(options.gender, options.pitch, options.speed))
        style = {key: asked[key] if asked.get(key) in values else usual[key] for key, values in known.items()}
        if options.voice and style == usual:
            return self._shelf.named(options.voice)
        return self._shelf.styled(Style(**style))


def _chosen(options: SparkOptions) -> str:
    if options.backend != "auto":
        return options.backend
    return "torch" if (Path(options.model_dir).expanduser() / "LLM").is_dir() else "mlx"


class _Never:
    cancelled = False


_NEVER = _Never()
