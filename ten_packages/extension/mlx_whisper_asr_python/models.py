"""MLX's recognisers, each as one look at a stretch of audio."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from stream_talk.asr.hypothesis import Hypothesis
from stream_talk.asr.rolling import Samples, after
from stream_talk.engines.interfaces import EngineUnavailable
from stream_talk.models.remedy import how_to_get

from .options import MlxOptions

Look = Callable[..., Hypothesis]
SHORTEST_SENSEVOICE_SAMPLES = 2400  # fewer give not one frame after its stacking of seven
WEIGHTS = ("*.safetensors", "*.npz")


def open_model(options: MlxOptions) -> Look:
    folder = _folder(options)
    if options.library == "mlx-whisper":
        return _MlxWhisper(folder, options).look
    try:
        from mlx_audio.stt.utils import load_model
    except ImportError as error:
        raise EngineUnavailable(
            "mlx-audio is not installed", "`stream-talk engines install mlx`, on Apple Silicon or Linux"
        ) from error
    try:
        model = load_model(folder, **_named_family(folder))
    except Exception as error:
        raise EngineUnavailable(
            f"mlx-audio cannot load {options.model} ({str(error)[:200]})", "fetch the model again"
        ) from error
    family = type(model).__module__.rpartition(".models.")[2].partition(".")[0]
    if family == "whisper":
        return _Whisper(model, options).look
    if family == "sensevoice":
        return _SenseVoice(model, options).look
    if family == "parakeet":
        return _Parakeet(model).look
    raise EngineUnavailable(f"{options.model} is a {family} model", "choose a Whisper, SenseVoice or Parakeet model")


def _named_family(folder: Path) -> dict[str, str]:
    """NVIDIA's own configurations do not say what they are; mlx-audio then goes by the name of the folder, whatever that is."""
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    is_parakeet = "model_type" not in config and str(config.get("target", "")).startswith("nemo.collections.asr")
    return {"model_type": "parakeet"} if is_parakeet else {}


class _Whisper:
    def __init__(self, model: Any, options: MlxOptions) -> None:
        if getattr(model, "_processor", None) is None:
            raise EngineUnavailable(
                f"{options.model} lacks its tokenizer files",
                "take a folder with tokenizer.json and preprocessor_config.json",
            )
        self._model = model
        self._prompting = {"hotwords": list(options.hot_words) or None, "initial_prompt": options.prompt or None}

    def look(self, samples: Samples, *, language: str, begins_with: str, final: bool) -> Hypothesis:
        result = self._model.generate(
            samples, language=language or None, temperature=0.0, condition_on_previous_text=False, return_timestamps=False,
            prefix=begins_with or None, **self._prompting,
        )  # fmt: skip
        return _judged(result.text, result.language or language, result.segments or [])


class _MlxWhisper:
    def __init__(self, folder: Path, options: MlxOptions) -> None:
        try:
            import mlx_whisper
        except ImportError as error:
            remedy = "pip install --no-deps mlx-whisper, and numba tiktoken more-itertools scipy"
            raise EngineUnavailable("mlx-whisper is not installed", remedy) from error
        self._transcribe = mlx_whisper.transcribe
        self._folder = str(folder)
        self._prompt = options.prompt or None

    def look(self, samples: Samples, *, language: str, begins_with: str, final: bool) -> Hypothesis:
        result = self._transcribe(
            samples, path_or_hf_repo=self._folder, language=language or None, temperature=0.0, condition_on_previous_text=False,
            without_timestamps=True, prefix=begins_with or None, initial_prompt=self._prompt, verbose=None,
        )  # fmt: skip
        return _judged(result["text"], result.get("language") or language, result.get("segments") or [])


class _SenseVoice:
    def __init__(self, model: Any, options: MlxOptions) -> None:
        self._model = model
        self._itn = options.itn

    def look(self, samples: Samples, *, language: str, begins_with: str, final: bool) -> Hypothesis:
        if len(samples) < SHORTEST_SENSEVOICE_SAMPLES:
            return Hypothesis("", language)
        result = self._model.generate(samples, language=language or "auto", use_itn=self._itn)
        return Hypothesis(after(result.text.strip(), begins_with), language or _known(result.language))


class _Parakeet:
    """Hears 25 European languages and does not say which."""

    def __init__(self, model: Any) -> None:
        self._model = model

    def look(self, samples: Samples, *, language: str, begins_with: str, final: bool) -> Hypothesis:
        import mlx.core as mx

        result = self._model.generate(mx.array(samples))
        return Hypothesis(after(result.text.strip(), begins_with), language)


def _judged(text: str, language: str, segments: list[dict[str, Any]]) -> Hypothesis:
    logprobs = [float(segment.get("avg_logprob", 0.0)) for segment in segments]
    no_speech = [float(segment.get("no_speech_prob", 0.0)) for segment in segments]
    return Hypothesis(text.strip(), language, min(logprobs, default=0.0), min(no_speech, default=0.0))


def _known(language: str | None) -> str:
    return language if language in ("zh", "en", "yue", "ja", "ko") else ""


def _folder(options: MlxOptions) -> Path:
    folder = Path(options.model).expanduser()
    if folder.is_dir():
        missing = [] if (folder / "config.json").is_file() else ["config.json"]
        if not any(next(folder.glob(pattern), None) for pattern in WEIGHTS):
            missing.append("weights")
        if missing:
            raise EngineUnavailable(f"{folder} lacks {' and '.join(missing)}", how_to_get(folder))
        _check_type(folder)
        return folder
    if options.model.startswith((".", "/", "~")):
        raise EngineUnavailable(f"there is no model in {options.model}", how_to_get(options.model))
    return _from_hub(options)


def _check_type(folder: Path) -> None:
    try:
        json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except ValueError as error:
        raise EngineUnavailable(f"{folder}/config.json is no JSON", how_to_get(folder)) from error


def _from_hub(options: MlxOptions) -> Path:
    try:
        from huggingface_hub import snapshot_download
    except ImportError as error:
        raise EngineUnavailable(
            "mlx-audio is not installed", "`stream-talk engines install mlx`, on Apple Silicon or Linux"
        ) from error
    offline = not options.download or os.environ.get("HF_HUB_OFFLINE") == "1"
    try:
        return Path(snapshot_download(options.model, local_files_only=offline))
    except Exception as error:
        remedy = f"`stream-talk models pull {options.model}`, or set `model` to its folder, or `download` to true"
        raise EngineUnavailable(f"the model {options.model} is not on this machine", remedy) from error
