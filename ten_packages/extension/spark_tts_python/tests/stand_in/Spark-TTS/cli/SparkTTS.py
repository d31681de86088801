"""Stands in for a checkout of Spark-TTS (commit 2f1ea90) where its weights are not: the interface that the engine uses."""

from __future__ import annotations

import sys
import types
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parents[2]))
import rules

encoded: list[str] = []


class LanguageModel:
    def __init__(self, tokenizer) -> None:
        self._tokenizer = tokenizer

    def to(self, _dtype):
        return self

    def __call__(self, input_ids, past_key_values=None, use_cache=True):
        assert past_key_values is None or input_ids.shape == (1, 1)
        reading = past_key_values or rules.Reading(self._tokenizer, input_ids[0])
        logits = torch.from_numpy(reading.logits()).reshape(1, 1, -1)
        return types.SimpleNamespace(logits=logits, past_key_values=reading)


class AudioTokenizer:
    def tokenize(self, path):
        encoded.append(Path(path).stem)
        return tuple(torch.from_numpy(part) for part in rules.tokens_of(Path(path).stem))

    def detokenize(self, global_tokens, semantic_tokens):
        return rules.sound(global_tokens.numpy(), semantic_tokens.numpy())


class SparkTTS:
    def __init__(self, model_dir: Path, device: torch.device) -> None:
        # Upstream's own words; the weights of the mel transform are in no checkpoint.
        for name in (
            "mel_transformer.spectrogram.window",
            *(model_dir / "BiCodec" / "model.safetensors").read_text().split(),
        ):
            print(f"Missing tensor: {name}")
        self.tokenizer = rules.Tokenizer()
        self.model = LanguageModel(self.tokenizer)
        self.audio_tokenizer = AudioTokenizer()
