"""What both stand-ins share: a vocabulary whose ids are not contiguous, a language model by rule, and a BiCodec that is a sine.

The model prefers ids that are no sound unless they are masked, says the start mark first, counts its semantic tokens up (so that a
window knows where it stands), and invents another speaker in every created voice. The codec is not causal: 7 tokens at both edges of a
window are off, by up to 5 %.
"""

from __future__ import annotations

import math
import random
import re

import numpy as np

PER_CHARACTER = 5
EDGE_TOKENS = 7
END, START_SEMANTIC = "<|im_end|>", "<|start_semantic_token|>"
_SPECIAL = re.compile(r"<\|[^|]+\|>|.", re.DOTALL)
steps = 0


def vocabulary() -> dict[str, int]:
    words = [chr(code) for code in range(32, 127)]
    words += [END, "<|task_tts|>", "<|task_controllable_tts|>", "<|start_content|>", "<|end_content|>"]
    words += ["<|start_global_token|>", "<|end_global_token|>", START_SEMANTIC]
    words += ["<|start_style_label|>", "<|end_style_label|>", "<|pitch_value_7|>", "<unknown>"]
    words += [f"<|{kind}_{i}|>" for kind in ("gender", "pitch_label", "speed_label") for i in range(5)]
    words += [f"<|bicodec_semantic_{i}|>" for i in range(8192)] + [f"<|bicodec_global_{i}|>" for i in range(4096)]
    random.Random(5).shuffle(words)
    return {word: position for position, word in enumerate(words)}


class Tokenizer:
    def __init__(self) -> None:
        self._ids = vocabulary()
        self._words = {token: word for word, token in self._ids.items()}
        self.eos_token_id = self._ids[END]

    def get_vocab(self) -> dict[str, int]:
        return self._ids

    def encode(self, text: str) -> list[int]:
        return [self._ids.get(word, self._ids["<unknown>"]) for word in _SPECIAL.findall(text)]

    def decode(self, ids) -> str:
        return "".join(self._words[int(i)] for i in ids)


class Reading:
    """What the language model will say to a prompt, token by token."""

    def __init__(self, tokenizer: Tokenizer, prompt_ids) -> None:
        text = tokenizer.decode(prompt_ids)
        said = re.search(r"<\|start_content\|>(.*)<\|end_content\|>", text, re.DOTALL)[1]
        given = text.count("<|bicodec_semantic_")
        self._broken = "broken" in said
        sound = [f"<|bicodec_semantic_{i}|>" for i in range(PER_CHARACTER * len(said) - given)]
        words = [*sound, END] if text.endswith("|>") and given else [START_SEMANTIC, *sound, END]
        if "task_controllable_tts" in text:
            speaker = [f"<|bicodec_global_{random.randrange(4096)}|>" for _ in range(32)]
            words = ["<|pitch_value_7|>", "<|start_global_token|>", *speaker, "<|end_global_token|>", *words]
        self._ids = [tokenizer.get_vocab()[word] for word in words]
        self._wrong = tokenizer.get_vocab()["<unknown>"]
        self._masked = "task_tts" in text
        self._position = -1
        self._size = len(tokenizer.get_vocab())

    def logits(self) -> np.ndarray:
        global steps
        steps += 1
        self._position += 1
        if self._broken and self._position == 20:
            raise RuntimeError("CUDA error: out of memory")
        scores = np.full(self._size, -40.0, np.float32)
        scores[self._ids[min(self._position, len(self._ids) - 1)]] = 20.0
        if self._masked:
            scores[self._wrong] = 60.0
        return scores


def sound(speaker, said) -> np.ndarray:
    """`said` counts up from where the window begins."""
    speaker, said = np.asarray(speaker), np.asarray(said)
    assert speaker.shape == (1, 32) and said.shape[0] == 1 and said.shape[1] > 0
    count = said.shape[1]
    time = np.arange(int(said[0, 0]) * 320, int(said[0, 0]) * 320 + 320 * count) / 16000
    edge = np.linspace(0.05, 0.0, EDGE_TOKENS * 320)[: 320 * count]
    off = np.zeros(320 * count)
    off[: len(edge)] += edge
    off[::-1][: len(edge)] += edge
    return 0.5 * (1 - off) * np.sin(2 * math.pi * pitch_of(speaker[0]) * time)


def pitch_of(speaker) -> float:
    return 200.0 + int(speaker[0]) % 200


def tokens_of(recording: str) -> tuple[np.ndarray, np.ndarray]:
    """(speaker, what was said) of a recording."""
    return np.full((1, 1, 32), 10 * len(recording)), np.arange(40)[None]
