"""Spark through mlx-audio, on Apple Silicon. MLX belongs to the thread that loaded it: the worker has one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
from stream_talk.audio.pcm import Float32
from stream_talk.engines.interfaces import EngineUnavailable

from .options import SparkOptions
from .prompt import SoundVocabulary, SparkVoice

_NEEDED = ("config.json", "BiCodec/model.safetensors")


class MlxBackend:
    def __init__(self, options: SparkOptions) -> None:
        self._options = options
        self._spark: Any = None

    def load(self) -> None:
        folder = Path(self._options.model_dir).expanduser()
        missing = [name for name in _NEEDED if not (folder / name).is_file()]
        if missing:
            # A name that is no folder would be downloaded.
            raise EngineUnavailable(
                f"{folder} has no {', '.join(missing)}", "fetch mlx-community/Spark-TTS-0.5B-bf16 into it"
            )
        try:
            from mlx_audio.tts.utils import load
        except ImportError as error:
            raise EngineUnavailable(
                f"mlx-audio cannot be imported ({error})", "pip install 'stream-talk[mlx]'"
            ) from error
        # By its name alone, the family would be taken for a plain Qwen2.
        self._spark = load(str(folder), model_type="spark")
        self.vocabulary = SoundVocabulary(self._spark.tokenizer.get_vocab())

    def encode(self, recording: Path) -> SparkVoice:
        global_ids, semantic_ids = self._spark._audio_tokenizer.tokenize(str(recording))
        return SparkVoice(_numbers(global_ids), _numbers(semantic_ids))

    def seed(self, seed: int | None) -> None:
        import mlx.core as mx

        if seed is not None:
            mx.random.seed(seed)

    def tokens(self, prompt: str, allowed: frozenset[int] | None, limit: int) -> Iterator[int]:
        """Ids of the vocabulary, until the end mark. Closing stops the language model after the step that is under way."""
        import mlx.core as mx
        from mlx_audio.lm.generate import stream_generate
        from mlx_audio.lm.sample_utils import make_sampler

        spark, options = self._spark, self._options
        end = spark.tokenizer.eos_token_id
        choices = mx.array(sorted({*(allowed or ()), end}))

        def only_sound(_tokens: Any, logits: Any) -> Any:
            masked = mx.full(logits.shape, -float("inf"), dtype=logits.dtype)
            masked[..., choices] = logits[..., choices]
            return masked

        stream = stream_generate(
            spark.model, tokenizer=spark.tokenizer, prompt=mx.array(spark.tokenizer.encode(prompt)), max_tokens=limit,
            sampler=make_sampler(options.temperature, top_p=options.top_p, top_k=options.top_k),
            logits_processors=[] if allowed is None else [only_sound],
        )  # fmt: skip
        with closing(stream):
            for response in stream:
                token = int(response.token)
                if token == end or response.finish_reason == "stop":
                    return  # the end mark is handed out as well
                yield token

    def detokenize(self, global_ids: tuple[int, ...], semantic_ids: list[int]) -> Float32:
        import mlx.core as mx

        speaker, said = mx.array([global_ids], dtype=mx.int32), mx.array([semantic_ids], dtype=mx.int32)
        wave = self._spark._audio_tokenizer.detokenize(speaker, said)
        return np.array(wave.astype(mx.float32)).ravel()


def _numbers(array: Any) -> tuple[int, ...]:
    return tuple(int(number) for number in np.array(array).ravel())
