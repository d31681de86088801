"""One Whisper model, asked cheaply: the encoder sees the speech and a margin instead of always 30 s, and a known beginning of the
text is given to the decoder instead of being decoded again."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from stream_talk.asr.hypothesis import Hypothesis
from stream_talk.asr.rolling import Samples
from stream_talk.engines.interfaces import EngineUnavailable
from stream_talk.models.remedy import how_to_get
from stream_talk.text.units import is_cjk

from .options import WhisperOptions

FRAMES_PER_SECOND = 100
STEP_FRAMES = 100  # windows are rounded up to whole seconds: fewer shapes for the allocator, and for cuDNN to plan
FULL_FRAMES = 3000
TOKENS_PER_SECOND = 8
SPARE_TOKENS = 16
MAX_PROMPT_TOKENS = 100
DETECT_SAMPLES = 24_000  # 1.5 s: with less the guess is poor
NEEDED_FILES = ("model.bin", "config.json", "tokenizer.json")


class WhisperDecoder:
    def __init__(self, options: WhisperOptions) -> None:
        self._options = options
        self._model: Any = None
        self._tokenizers: dict[str, Any] = {}
        self._suppressed: list[int] = []

    def load(self) -> None:
        if self._model is not None:
            return
        options = self._options
        model = _checked(options.model)
        try:
            from faster_whisper import WhisperModel
        except ImportError as error:
            raise EngineUnavailable(
                "faster-whisper is not installed", "pip install 'stream-talk[faster-whisper]'"
            ) from error
        device = _device(options.device)
        compute_type = (
            {"cpu": "int8", "cuda": "float16"}[device] if options.compute_type == "auto" else options.compute_type
        )
        try:
            self._model = WhisperModel(
                model, device=device, compute_type=compute_type, cpu_threads=_threads(options.cpu_threads),
                download_root=options.download_dir or None, local_files_only=not options.download,
            )  # fmt: skip
        except (RuntimeError, ValueError, OSError) as error:
            raise _unavailable(options, error) from error
        self._check_mels()

    def _check_mels(self) -> None:
        """Without its preprocessor_config.json a model of 128 mels is fed 80, and fails at the first sound with a word about shapes."""
        made, wanted = len(self._model.feature_extractor.mel_filters), getattr(self._model.model, "n_mels", None)
        if wanted is not None and made != wanted:
            self._model = None
            raise EngineUnavailable(
                f"{self._options.model} hears {wanted} mels and its preprocessor_config.json makes {made}",
                how_to_get(self._options.model),
            )

    def close(self) -> None:
        self._model = None
        self._tokenizers.clear()

    @property
    def loaded(self) -> bool:
        return self._model is not None

    def look(self, samples: Samples, *, language: str, begins_with: str, final: bool) -> Hypothesis:
        encoded = self._encode(samples)
        language = language or self._detect(encoded, len(samples))
        tokenizer = self._tokenizer(language)
        beginning = (
            tokenizer.encode(begins_with if is_cjk(begins_with[0]) else f" {begins_with}") if begins_with else []
        )
        prompt = self._prompt(tokenizer) + beginning
        beams = self._options.beam_size if final else 1
        result = self._model.model.generate(
            encoded,
            [prompt],
            beam_size=beams,
            max_length=len(prompt) + SPARE_TOKENS + TOKENS_PER_SECOND * (len(samples) // 16000),
            suppress_blank=not begins_with,
            suppress_tokens=self._suppressed,
            return_scores=True,
            return_no_speech_prob=True,
        )[0]
        tokens = result.sequences_ids[0][len(beginning) :]  # CTranslate2 gives the beginning back
        # The score is the mean over the tokens without the end mark, which counts as one more.
        logprob = result.scores[0] * len(tokens) / (len(tokens) + 1) if tokens else 0.0
        detected = language if len(samples) >= DETECT_SAMPLES or self._options.language or final else ""
        return Hypothesis(tokenizer.decode(tokens).strip(), detected, logprob, result.no_speech_prob)

    def _encode(self, samples: Samples) -> Any:
        from faster_whisper.audio import pad_or_trim

        options = self._options
        wanted_ms = max(options.window_floor_ms, len(samples) / 16 + options.window_margin_ms)
        frames = min(FULL_FRAMES, -(-int(wanted_ms) // 1000) * STEP_FRAMES)
        # Zero features, not features of silence, are what Whisper was trained to see behind the speech.
        return self._model.encode(pad_or_trim(self._model.feature_extractor(samples), frames))

    def _detect(self, encoded: Any, sample_count: int) -> str:
        if not self._model.model.is_multilingual:
            return "en"
        wanted = self._options.languages
        if len(wanted) == 1:
            return wanted[0]
        ranked = [(token.strip("<|>"), share) for token, share in self._model.model.detect_language(encoded)[0]]
        return next((name for name, _ in ranked if not wanted or name in wanted), "en")

    def _prompt(self, tokenizer: Any) -> list[int]:
        before = (
            tokenizer.encode(f" {self._options.prompt.strip()}")[-MAX_PROMPT_TOKENS:] if self._options.prompt else []
        )
        hot_words = ", ".join(self._options.hot_words) or None
        return list(self._model.get_prompt(tokenizer, before, without_timestamps=True, hotwords=hot_words))

    def _tokenizer(self, language: str) -> Any:
        if language not in self._tokenizers:
            from faster_whisper.tokenizer import Tokenizer
            from faster_whisper.transcribe import get_suppressed_tokens

            multilingual = self._model.model.is_multilingual
            tokenizer = Tokenizer(
                self._model.hf_tokenizer, multilingual, task="transcribe", language=language if multilingual else "en"
            )
            self._suppressed = list(get_suppressed_tokens(tokenizer, [-1]))
            self._tokenizers[language] = tokenizer
        return self._tokenizers[language]


def _device(wanted: str) -> str:
    import ctranslate2

    available = ctranslate2.get_cuda_device_count() > 0
    if wanted == "cuda" and not available:
        raise EngineUnavailable(
            "no CUDA device is visible to CTranslate2", "set `device` to cpu, or install the NVIDIA driver"
        )
    return "cuda" if available and wanted != "cpu" else "cpu"


def _threads(wanted: int) -> int:
    """CTranslate2's threads spin while they wait, so one core stays free for voice detection and echo cancelling."""
    cores = os.cpu_count() or 2
    return wanted or (cores if cores <= 2 else min(8, cores - 1))


def _checked(model: str) -> str:
    """A folder is looked into first: with a file missing, faster-whisper would download another or fail on shapes later."""
    folder = Path(model).expanduser()
    if not folder.is_dir():
        if model.startswith((".", "/", "~")):
            raise EngineUnavailable(f"there is no Whisper model in {model}", how_to_get(model))
        return model
    missing = [name for name in NEEDED_FILES if not (folder / name).is_file()]
    if not missing and "128" not in _mels(folder) and "large-v3" in folder.name:
        missing = ["preprocessor_config.json"]
    if missing:
        raise EngineUnavailable(f"{folder} lacks {', '.join(missing)}", how_to_get(folder))
    return str(folder)


def _mels(folder: Path) -> str:
    file = folder / "preprocessor_config.json"
    return file.read_text(encoding="utf-8") if file.is_file() else ""


def _unavailable(options: WhisperOptions, error: Exception) -> EngineUnavailable:
    if type(error).__name__ in ("LocalEntryNotFoundError", "OfflineModeIsEnabled") or isinstance(
        error, FileNotFoundError
    ):
        remedy = f"`stream-talk models pull faster-whisper-{options.model}`, or set `model` to its folder, or `download` to true"
        return EngineUnavailable(f"the Whisper model {options.model} is not on this machine", remedy)
    return EngineUnavailable(
        f"faster-whisper cannot load {options.model} ({error})", "check `model` and `compute_type`"
    )
