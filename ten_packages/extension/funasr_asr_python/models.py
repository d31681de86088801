"""FunASR's models behind three small calls, with its traps closed: a missing file is an error here and not random weights."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stream_talk.asr.hypothesis import Hypothesis
from stream_talk.asr.rolling import Samples, after, join
from stream_talk.engines.interfaces import EngineUnavailable
from stream_talk.models.remedy import how_to_get

from .options import FunAsrOptions

TAG = re.compile(r"<\s*\|([^|]*)\|\s*>")
LANGUAGES = ("zh", "en", "yue", "ja", "ko")
# Fun-ASR is a language model that is asked in Chinese to write the speech down.
ASKED_FOR = {"zh": "中文", "en": "英文", "yue": "粤语", "ja": "日文", "ko": "韩文"}
RATE_HZ = 16000
LEAST_TOKENS, TOKENS_PER_SECOND = 16, 8.0
NEEDED_FILES = ("model.pt", "config.yaml", "configuration.json")


def open_model(name: str, options: FunAsrOptions) -> Any:
    _check(name, options)  # before the import, which takes seconds
    try:
        from funasr import AutoModel
    except ImportError as error:
        raise EngineUnavailable("FunASR is not installed", "`stream-talk engines install funasr`") from error
    try:
        model = AutoModel(
            model=str(Path(name).expanduser()) if _is_path(name) else name, device=_device(options.device), ncpu=options.threads,
            disable_update=True, disable_pbar=True, log_level="ERROR",
        )  # fmt: skip
    except ImportError as error:
        raise EngineUnavailable(f"FunASR lacks a package ({error})", "pip install kaldi-native-fbank") from error
    except Exception as error:
        raise EngineUnavailable(f"FunASR cannot load {name} ({str(error)[:200]})", "fetch the model again") from error
    # FunASR sets the root logger up for itself, at a level that prints every utterance.
    logging.getLogger().setLevel(logging.WARNING)
    return model


def _is_path(name: str) -> bool:
    return name.startswith((".", "/", "~")) or Path(name).is_dir()


def _check(name: str, options: FunAsrOptions) -> None:
    if _is_path(name):
        folder = Path(name).expanduser()
        missing = [file for file in NEEDED_FILES if not (folder / file).is_file()]
        if missing:
            raise EngineUnavailable(f"{name} is no FunASR model: it lacks {', '.join(missing)}", how_to_get(name))
    elif not options.download:
        remedy = f"`stream-talk models pull {name}`, or set the model to its folder, or `download` to true"
        raise EngineUnavailable(f"no folder is given for the FunASR model {name}", remedy)


def _device(wanted: str) -> str:
    """FunASR falls back to the CPU without a word when there is no GPU."""
    import torch

    available = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if not available[wanted]:
        raise EngineUnavailable(f"PyTorch sees no {wanted} device", "set `device` to cpu")
    return "cuda:0" if wanted == "cuda" else wanted


class StreamingModel:
    """Paraformer-online. The dict of a stream is all its state, so streams of several people may take turns."""

    def __init__(self, options: FunAsrOptions) -> None:
        self._options = options
        self._model = open_model(options.streaming_model, options)

    def write(self, samples: Samples, stream: dict[str, Any], *, last: bool) -> str:
        """What this piece adds to the text; never a correction."""
        options = self._options
        results = self._model.generate(
            input=samples, cache=stream, is_final=last, chunk_size=list(options.chunk_size),
            encoder_chunk_look_back=4, decoder_chunk_look_back=1,
        )  # fmt: skip
        return str(results[0].get("text", "")) if results else ""


class FinalModel:
    """SenseVoice, Fun-ASR or an offline Paraformer: one look at the whole utterance."""

    def __init__(self, options: FunAsrOptions) -> None:
        self._options = options
        self._model = open_model(options.final_model, options)
        self._is_nano = type(self._model.model).__name__ == "FunASRNano"

    def look(self, samples: Samples, *, language: str, begins_with: str, final: bool) -> Hypothesis:
        heard = self.hear(samples, language or "auto")
        return Hypothesis(after(heard.text, begins_with), heard.language)

    def hear(self, samples: Samples, language: str) -> Heard:
        wanted = self._ask_nano(samples, language) if self._is_nano else self._ask(samples, language)
        results = self._model.generate(cache={}, **wanted)
        return untagged(str(results[0].get("text", "")) if results else "")

    def _ask(self, samples: Samples, language: str) -> dict[str, Any]:
        hot_words = " ".join(self._options.hot_words)
        extra = {"hotword": hot_words} if hot_words else {}
        return {"input": samples, "language": language, "use_itn": self._options.itn, **extra}

    def _ask_nano(self, samples: Samples, language: str) -> dict[str, Any]:
        """Fun-ASR wants a tensor, other names for the same options, and a limit: it writes until it is content."""
        import torch

        limit = LEAST_TOKENS + int(len(samples) / RATE_HZ * TOKENS_PER_SECOND)
        return {
            "input": [torch.from_numpy(samples)], "language": ASKED_FOR.get(language), "itn": self._options.itn,
            "hotwords": list(self._options.hot_words), "max_length": limit,
        }  # fmt: skip


class PunctuationModel:
    def __init__(self, options: FunAsrOptions) -> None:
        self._model = open_model(options.punctuation_model, options)

    def punctuate(self, text: str) -> str:
        # In a list, because a text alone that looks like an address or a path is fetched or opened.
        results = self._model.generate(input=[text])
        return str(results[0].get("text", text)) if results else text


@dataclass(frozen=True, slots=True)
class Heard:
    text: str
    language: str = ""
    emotion: str = ""
    event: str = ""


def untagged(text: str) -> Heard:
    """SenseVoice writes what it noticed in front of the words: <|zh|><|HAPPY|><|Speech|><|withitn|>."""
    tags = [tag.strip() for tag in TAG.findall(text)]
    language = next((tag for tag in tags if tag in LANGUAGES), "")
    emotion = next((tag.lower() for tag in tags if tag.isupper() and tag not in ("EMO_UNKNOWN", "BGM")), "")
    event = next(
        (tag.lower() for tag in tags if tag in ("Speech", "BGM", "Laughter", "Applause", "Cry", "Cough", "Sneeze")), ""
    )
    words = "" if "nospeech" in tags else " ".join(TAG.sub(" ", text).split())
    return Heard(words, language, emotion, event)


def language_by_script(text: str) -> str:
    """For models that do not say what they heard. Cantonese and Mandarin share theirs."""
    if any("\u3040" <= char <= "\u30ff" for char in text):
        return "ja"
    if any("\uac00" <= char <= "\ud7a3" for char in text):
        return "ko"
    if any("\u3400" <= char <= "\u9fff" for char in text):
        return "zh"
    return "en" if any(char.isalpha() for char in text) else ""


def grown(text: str, delta: str) -> str:
    """Deltas come without the space between two Latin words; `@@` joins pieces of one word."""
    if text.endswith("@@"):
        return text[:-2] + delta.lstrip()
    return join(text, delta) if delta else text
