"""Speech by chatterbox-streaming, driven directly: its language model token by token, its vocoder in overlapping pieces."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from stream_talk.audio.pcm import Float32, silence, to_pcm16
from stream_talk.audio.seams import EdgeJoiner
from stream_talk.engines.interfaces import CancelToken, EngineUnavailable, SpeechChunk, SpeechRequest, Voice

from .options import ChatterboxOptions

EDGE_SAMPLES = 120  # 5 ms
NEEDED_FILES = ("ve.pt", "t3_cfg.pt", "s3gen.pt", "tokenizer.json")
INSTALL = "stream-talk engines install chatterbox"


class ChatterboxEngine:
    sample_rate_hz = 24000

    def __init__(self, **options: Any) -> None:
        self._options = ChatterboxOptions(**options)
        self._model: Any = None
        self._shelf: Any = None
        self._generator: Any = None

    def load(self) -> None:
        if self._model is not None:
            return
        folder = Path(self._options.model).expanduser()
        missing = [name for name in NEEDED_FILES if not (folder / name).is_file()]
        if missing:
            raise EngineUnavailable(
                f"{folder} has no {', '.join(missing)}", "write the folder of ResembleAI/chatterbox in `params.model`"
            )
        os.environ.setdefault("PYTORCH_ENABLE_MPS_FALLBACK", "1")
        try:
            import torch
            from chatterbox.tts import ChatterboxTTS
        except ImportError as error:
            raise EngineUnavailable(f"chatterbox-streaming cannot be imported ({error})", INSTALL) from error
        from .voices import VoiceShelf

        device = self._device(torch)
        try:
            model = ChatterboxTTS.from_local(folder, device)
        except TypeError as error:
            # perth without pkg_resources leaves None where its class should be.
            raise EngineUnavailable(f"chatterbox cannot be built ({error})", "pip install 'setuptools<81'") from error
        _without_attention_maps(model.t3)
        self._shelf = VoiceShelf(model, self._options.voices_dir)
        self._shelf.conditionals(self._options.voice, self._options.exaggeration)
        self._generator = torch.Generator(device)
        self._model = model

    def _device(self, torch: Any) -> str:
        """A string: upstream compares it with strings to decide where the weights go."""
        device = self._options.device
        if device == "auto":
            mps = getattr(torch.backends, "mps", None)
            device = "cuda" if torch.cuda.is_available() else "mps" if mps and mps.is_available() else "cpu"
        if device == "cpu" and not self._options.allow_slow:
            raise EngineUnavailable(
                "chatterbox takes tens of seconds on a CPU for one second of speech",
                "use a machine with CUDA, another voice, or `params.allow_slow: true`",
            )
        return device

    def warm_up(self) -> None:
        for text in ("Ready.", "This is the sentence that warms the machine up for the next one."):
            for _ in self.speak(SpeechRequest(text), _NEVER):
                pass

    def close(self) -> None:
        self._model = self._shelf = self._generator = None

    def voices(self) -> Sequence[Voice]:
        self.load()
        listed: list[Voice] = self._shelf.list()
        return listed

    def speak(self, request: SpeechRequest, cancel: CancelToken) -> Iterator[SpeechChunk]:
        self.load()
        # Empty text would be spoken as "You need to add some text for me to talk."
        if cancel.cancelled or not any(char.isalnum() for char in request.text):
            return
        if not request.first_of_reply and self._options.clause_pause_ms:
            yield SpeechChunk(silence(self._options.clause_pause_ms, self.sample_rate_hz))
        edges = EdgeJoiner(EDGE_SAMPLES)
        edges.begin()
        for wave in self._wave(request, cancel):
            yield SpeechChunk(to_pcm16(edges.push(self._marked(wave))))
        if not cancel.cancelled:
            yield SpeechChunk(to_pcm16(edges.end()))

    def _wave(self, request: SpeechRequest, cancel: CancelToken) -> Iterator[Float32]:
        from chatterbox.tts import punc_norm

        from .decoder import ClauseDecoder, sound_of
        from .token_loop import speech_tokens

        options = self._for_request(request.options)
        # Set for the whole clause: the model reads it again at every step.
        conds = self._model.conds = self._shelf.conditionals(options.voice, options.exaggeration)
        self._generator.seed() if options.seed is None else self._generator.manual_seed(options.seed)
        tokens = speech_tokens(self._model, punc_norm(request.text), options, self._generator)
        return sound_of(tokens, ClauseDecoder(self._model.s3gen, conds.gen, self._model.device), cancel)

    def _for_request(self, asked: dict[str, Any]) -> ChatterboxOptions:
        """A voice that does not exist is not taken: a live setting must not silence the reply."""
        changes: dict[str, Any] = {}
        if self._shelf.knows(str(asked.get("voice") or "")):
            changes["voice"] = str(asked["voice"])
        for name, highest in (("exaggeration", 2.0), ("cfg_weight", 2.0), ("temperature", 2.0)):
            if asked.get(name) is not None:
                changes[name] = min(max(float(asked[name]), 0.01), highest)
        return replace(self._options, **changes)

    def _marked(self, wave: Float32) -> Float32:
        if not self._options.watermark:
            return wave
        marked = np.asarray(self._model.watermarker.apply_watermark(wave, sample_rate=self.sample_rate_hz), np.float32)
        # Its transform works in hops: what it cuts off stays unmarked rather than unsaid.
        return np.concatenate([marked[: len(wave)], wave[len(marked) :]])


def _without_attention_maps(t3: Any) -> None:
    """Build the backend ourselves, before upstream does with a hook on layer 9 that copies attention to the CPU at every step."""
    from chatterbox.models.t3.inference.t3_hf_backend import T3HuggingfaceBackend

    t3.patched_model = T3HuggingfaceBackend(
        config=t3.cfg, llama=t3.tfmr, speech_enc=t3.speech_emb, speech_head=t3.speech_head,
        alignment_stream_analyzer=None,
    )  # fmt: skip
    t3.compiled = True


class _Never:
    cancelled = False


_NEVER = _Never()
