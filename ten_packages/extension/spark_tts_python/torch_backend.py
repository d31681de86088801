"""Spark through a checkout of upstream: its tokenizer, language model and BiCodec, with a sampling loop of our own."""

from __future__ import annotations

import contextlib
import io
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from stream_talk.audio.pcm import Float32
from stream_talk.engines.interfaces import EngineUnavailable

from .options import SparkOptions
from .prompt import SoundVocabulary, SparkVoice

_NEEDED = ("config.yaml", "LLM/config.json", "BiCodec/config.yaml", "BiCodec/model.safetensors")


class TorchBackend:
    def __init__(self, options: SparkOptions) -> None:
        self._options = options
        self._spark: Any = None
        self._device = "cpu"
        self._generator: Any = None

    def load(self) -> None:
        repo, folder = (Path(path).expanduser() for path in (self._options.repo_dir, self._options.model_dir))
        if not (repo / "cli" / "SparkTTS.py").is_file():
            raise EngineUnavailable(
                f"{repo} is not a checkout of Spark-TTS",
                "git clone https://github.com/SparkAudio/Spark-TTS, and write its folder in `params.repo_dir`",
            )
        missing = [name for name in _NEEDED if not (folder / name).is_file()]
        if missing:
            raise EngineUnavailable(f"{folder} has no {', '.join(missing)}", "fetch SparkAudio/Spark-TTS-0.5B into it")
        if str(repo) not in sys.path:
            sys.path.insert(0, str(repo))
        try:
            import torch
            from cli.SparkTTS import SparkTTS
        except ImportError as error:
            raise EngineUnavailable(
                f"Spark-TTS cannot be imported ({error})", "stream-talk engines install spark"
            ) from error
        self._device = _device(self._options.device, torch)
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            self._spark = SparkTTS(folder, torch.device(self._device))
        _require_whole(folder, said.getvalue())
        if self._device == "cuda":
            # Loaded as float32 for want of a word; float16 is known not to work.
            self._spark.model.to(torch.bfloat16)
        self._generator = torch.Generator(self._device)
        self.vocabulary = SoundVocabulary(self._spark.tokenizer.get_vocab())

    def encode(self, recording: Path) -> SparkVoice:
        global_ids, semantic_ids = self._spark.audio_tokenizer.tokenize(recording)
        return SparkVoice(tuple(map(int, global_ids.flatten())), tuple(map(int, semantic_ids.flatten())))

    def seed(self, seed: int | None) -> None:
        self._generator.seed() if seed is None else self._generator.manual_seed(seed)

    def tokens(self, prompt: str, allowed: frozenset[int] | None, limit: int) -> Iterator[int]:
        """Ids of the vocabulary, until the end mark. One pass of the language model per step; what is not allowed cannot win."""
        import torch

        spark, device = self._spark, self._device
        end = spark.tokenizer.eos_token_id
        everything = range(len(spark.tokenizer.get_vocab())) if allowed is None else {*allowed, end}
        choices = torch.tensor(sorted(everything), device=device)
        with torch.inference_mode():
            ids = torch.tensor([spark.tokenizer.encode(prompt)], device=device)
            output = spark.model(input_ids=ids, use_cache=True)
        for _ in range(limit):
            # Not around the yield: inference mode would leak into whoever consumes.
            with torch.inference_mode():
                token = int(choices[self._pick(output.logits[0, -1, choices].float())])
            if token == end:
                return
            yield token
            with torch.inference_mode():
                ids = torch.tensor([[token]], device=device)
                output = spark.model(input_ids=ids, past_key_values=output.past_key_values, use_cache=True)

    def _pick(self, scores: Any) -> int:
        import torch

        scores = scores / self._options.temperature
        best, order = torch.topk(scores, min(self._options.top_k, len(scores)))
        shares = best.softmax(dim=-1)
        shares[shares.cumsum(dim=-1) - shares > self._options.top_p] = 0.0
        return int(order[torch.multinomial(shares, 1, generator=self._generator)])

    def detokenize(self, global_ids: tuple[int, ...], semantic_ids: list[int]) -> Float32:
        import torch

        with torch.inference_mode():
            speaker = torch.tensor([global_ids], device=self._device)
            said = torch.tensor([semantic_ids], device=self._device)
            return np.asarray(self._spark.audio_tokenizer.detokenize(speaker, said), np.float32).ravel()


def _require_whole(folder: Path, said: str) -> None:
    """Upstream only prints which weights of BiCodec are missing, and goes on with random ones. What it computes itself is never there."""
    lines = [line.partition("Missing tensor: ")[2].strip() for line in said.splitlines() if "Missing tensor: " in line]
    missing = [name for name in lines if not name.startswith("mel_transformer.")]
    if missing:
        raise EngineUnavailable(
            f"{folder}/BiCodec lacks {len(missing)} of its weights ({missing[0]}, ...)",
            "fetch SparkAudio/Spark-TTS-0.5B again",
        )


def _device(wanted: str, torch: Any) -> str:
    mps = getattr(torch.backends, "mps", None)
    there = {"cuda": torch.cuda.is_available(), "mps": bool(mps and mps.is_available()), "cpu": True}
    if wanted == "auto":
        return next(name for name in ("cuda", "mps", "cpu") if there[name])
    if not there[wanted]:
        raise EngineUnavailable(f"there is no {wanted} device", "write `params.device: auto`")
    return wanted
