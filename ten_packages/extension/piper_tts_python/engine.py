"""Speech by Piper: small neural voices on the CPU. One sentence at a time; a cancel stops inside the sentence."""

from __future__ import annotations

import importlib.util
import inspect
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from stream_talk.audio.pcm import fade, silence, to_pcm16
from stream_talk.engines.interfaces import CancelToken, EngineUnavailable, SpeechChunk, SpeechRequest, Voice, Word
from stream_talk.engines.interruptible import InterruptibleSession, RunCancelled
from stream_talk.text.word_times import Phoneme, spoken_groups, timed_words, words_of_sentences

from .options import PiperOptions

EDGE_MS = 5.0
_CLEAN = {code: " " for code in (*range(0x20), 0x7F, *range(0xD800, 0xE000)) if code not in (0x09, 0x0A)}


class PiperEngine:
    def __init__(self, **options: Any) -> None:
        self._options = PiperOptions(**options)
        self._voice: Any = None
        self._session: InterruptibleSession | None = None
        self.sample_rate_hz = 22050

    def load(self) -> None:
        if self._voice is not None:
            return
        model, config = _checked(self._options)
        try:
            from onnxruntime import RunOptions
            from piper import PiperVoice
        except ImportError as error:
            raise EngineUnavailable("piper-tts is not installed", "pip install 'stream-talk[piper]'") from error
        try:
            voice = PiperVoice.load(model, config, use_cuda=self._options.cuda, **_word_times())
        except Exception as error:  # onnxruntime and json each have their own
            raise EngineUnavailable(
                f"{model} is not a Piper voice ({error})", "take the .onnx and .onnx.json of one voice"
            ) from error
        if voice.config.phoneme_type.value == "pinyin" and not (voice.download_dir / "g2pW").is_dir():
            # Piper would fetch it without a word in the middle of the first sentence.
            raise EngineUnavailable(
                "this Chinese voice needs the g2pW model", "put it in the folder g2pW beside the app"
            )
        self._session = voice.session = InterruptibleSession(voice.session, RunOptions)
        self._voice = voice
        self.sample_rate_hz = voice.config.sample_rate
        if self._options.speaker and self._speaker_id(self._options.speaker) is None:
            known = ", ".join(voice.config.speaker_id_map) or f"0 to {voice.config.num_speakers - 1}"
            self.close()
            raise EngineUnavailable(f"this voice has no speaker {self._options.speaker!r}", f"write one of: {known}")

    def warm_up(self) -> None:
        for text in ("Ready.", "A longer sentence, so that the next one is not slow."):
            for _ in self.speak(SpeechRequest(text), _NEVER):
                pass

    def close(self) -> None:
        self._voice = self._session = None

    def voices(self) -> Sequence[Voice]:
        self.load()
        config = self._voice.config
        language = config.espeak_voice
        speakers = list(config.speaker_id_map) or [str(i) for i in range(config.num_speakers)]
        name = Path(self._options.model).stem
        return (
            [Voice(speaker, language, name) for speaker in speakers] if len(speakers) > 1 else [Voice(name, language)]
        )

    def speak(self, request: SpeechRequest, cancel: CancelToken) -> Iterator[SpeechChunk]:
        self.load()
        assert self._session is not None
        text = request.text.translate(_CLEAN)
        if cancel.cancelled or not any(char.isalnum() for char in text):
            return
        start_ms = 0.0
        if not request.first_of_reply and self._options.clause_pause_ms:
            start_ms = float(self._options.clause_pause_ms)
            yield SpeechChunk(silence(self._options.clause_pause_ms, self.sample_rate_hz))
        words = iter(self._words(text))
        sentences = iter(self._voice.synthesize(text, self._settings(request.options), **_word_times()))
        while not cancel.cancelled:
            self._session.cancel = cancel
            try:
                sentence = next(sentences)
            except (StopIteration, RunCancelled):
                return
            finally:
                self._session.cancel = None
            pcm = fade(to_pcm16(sentence.audio_float_array), self.sample_rate_hz, in_ms=EDGE_MS, out_ms=EDGE_MS)
            timed = self._timed(next(words, []), sentence, start_ms)
            start_ms += len(pcm) * 1000.0 / self.sample_rate_hz
            yield SpeechChunk(pcm, timed)

    def _words(self, text: str) -> list[list[str]]:
        """The words of each sentence, as Piper will cut the text; nothing where that is not clear."""
        return words_of_sentences(text, [spoken_groups(sentence) for sentence in self._voice.phonemize(text)])

    def _timed(self, words: list[str], sentence: Any, start_ms: float) -> list[Word]:
        at_ms, phonemes = start_ms, []
        for phoneme in getattr(sentence, "phoneme_alignments", None) or ():
            end_ms = at_ms + phoneme.num_samples * 1000.0 / self.sample_rate_hz
            phonemes.append(Phoneme(phoneme.phoneme, at_ms, end_ms))
            at_ms = end_ms
        return timed_words(words, phonemes) if words else []

    def _settings(self, options: dict[str, Any]) -> Any:
        """`voice` of a request names a speaker; one that does not exist is not taken: a live setting must not silence the reply."""
        from piper import SynthesisConfig

        rate = float(options.get("rate") or self._options.rate)
        speaker = self._speaker_id(str(options.get("voice") or ""))
        if speaker is None:
            speaker = self._speaker_id(self._options.speaker)
        return SynthesisConfig(
            speaker_id=speaker,
            length_scale=self._voice.config.length_scale / min(max(rate, 0.3), 3.0),
            noise_scale=self._options.noise_scale,
            noise_w_scale=self._options.noise_w_scale,
            volume=self._options.volume,
        )

    def _speaker_id(self, name: str) -> int | None:
        config = self._voice.config
        if name in config.speaker_id_map:
            return int(config.speaker_id_map[name])
        return int(name) if name.isdecimal() and int(name) < config.num_speakers else None


def _word_times() -> dict[str, bool]:
    """Piper 1.5 and later tell how long each phoneme lasts, if they may make the model say so; that takes the package onnx."""
    from piper import PiperVoice

    tells = "include_alignments" in inspect.signature(PiperVoice.load).parameters
    return {"include_alignments": True} if tells and importlib.util.find_spec("onnx") is not None else {}


class _Never:
    cancelled = False


_NEVER = _Never()


def _checked(options: PiperOptions) -> tuple[str, str]:
    model = Path(options.model).expanduser()
    config = Path(options.config).expanduser() if options.config else Path(f"{model}.json")
    for path in (model, config):
        if not path.is_file():
            raise EngineUnavailable(
                f"there is no Piper voice at {path}", "write the path of a voice's .onnx in `params.model`"
            )
    return str(model), str(config)
