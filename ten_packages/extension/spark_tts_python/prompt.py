"""Spark's prompts as text, and its vocabulary as numbers. Token ids are looked up, never computed: they need not be contiguous."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

GLOBAL_TOKENS = 32
LEVELS = ("very_low", "low", "moderate", "high", "very_high")
GENDERS = ("female", "male")
TOKENS_PER_CHARACTER = 25  # half a second: no text is spoken more slowly
SPARE_TOKENS = 100
LONGEST = 3000
_SOUND = re.compile(r"<\|bicodec_(semantic|global)_(\d+)\|>")


@dataclass(frozen=True)
class SparkVoice:
    """`global_ids` are who speaks; `semantic_ids` and `text` are what was said in the recording, for closer prosody."""

    global_ids: tuple[int, ...]
    semantic_ids: tuple[int, ...] = ()
    text: str = ""


@dataclass(frozen=True)
class Style:
    gender: str = "female"
    pitch: str = "moderate"
    speed: str = "moderate"

    @property
    def name(self) -> str:
        return f"created-{self.gender}-{self.pitch}-{self.speed}"


class SoundVocabulary:
    def __init__(self, vocabulary: Mapping[str, int]) -> None:
        self.semantic: dict[int, int] = {}
        self.globals: dict[int, int] = {}
        self.sound_begins = vocabulary["<|start_semantic_token|>"]
        for text, token_id in vocabulary.items():
            match = _SOUND.fullmatch(text)
            if match:
                table = self.semantic if match[1] == "semantic" else self.globals
                table[token_id] = int(match[2])


def cloned(text: str, voice: SparkVoice) -> str:
    # Upstream puts the two texts together without a space, which makes one word of two.
    spoken = f"{voice.text} {text}" if len(voice.text) > 1 else text
    speaker = "".join(f"<|bicodec_global_{i}|>" for i in voice.global_ids)
    prompt = f"<|task_tts|><|start_content|>{spoken}<|end_content|><|start_global_token|>{speaker}<|end_global_token|>"
    if len(voice.text) > 1:
        prompt += "<|start_semantic_token|>" + "".join(f"<|bicodec_semantic_{i}|>" for i in voice.semantic_ids)
    return prompt


def created(text: str, style: Style) -> str:
    labels = (
        f"<|gender_{GENDERS.index(style.gender)}|><|pitch_label_{LEVELS.index(style.pitch)}|>"
        f"<|speed_label_{LEVELS.index(style.speed)}|>"
    )
    return (
        f"<|task_controllable_tts|><|start_content|>{text}<|end_content|>"
        f"<|start_style_label|>{labels}<|end_style_label|>"
    )


def token_limit(text: str) -> int:
    return min(LONGEST, SPARE_TOKENS + TOKENS_PER_CHARACTER * len(text))
