"""Keeps out what speech models invent: on silence a polite phrase or the hot words, on noise the same words for ever."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

from stream_talk.asr.hypothesis import Hypothesis
from stream_talk.text.units import split_words

# What Whisper says to silence and noise: the ends of the videos that it learned from. Compared without case and punctuation.
_PHANTOMS_EN = (
    "thank you|thanks|thank you for watching|thanks for watching|thank you very much|please subscribe|bye|you|the end"
    "|subscribe to my channel|see you next time|see you in the next video|subtitles by the amara org community"
)
_PHANTOMS_ZH = (
    "谢谢|谢谢大家|谢谢观看|感谢观看|谢谢收看|多谢观看|字幕志愿者|明镜与点点栏目"
    "|请不吝点赞 订阅 转发 打赏支持明镜与点点栏目|字幕由amara org社区提供|中文字幕志愿者 杨茜茜"
)
_PHANTOMS_OTHER = (
    "ご視聴ありがとうございました|ありがとうございました|시청해주셔서 감사합니다"
    "|untertitel der amara org community|sous titres réalisés par la communauté d'amara org"
)
PHANTOMS = frozenset("|".join((_PHANTOMS_EN, _PHANTOMS_ZH, _PHANTOMS_OTHER)).split("|"))


@dataclass(frozen=True, slots=True)
class GuardRules:
    no_speech_prob: float = 0.6
    doubtful_logprob: float = -0.7
    hopeless_logprob: float = -2.0
    phantom_no_speech_prob: float = 0.2
    compression_ratio: float = 2.4
    repetitions: int = 4
    """So often in a row a phrase is a loop of the model and no longer emphasis."""


def accept(hypothesis: Hypothesis, rules: GuardRules, hot_words: Sequence[str] = ()) -> str:
    """The text that may be believed, or an empty one."""
    text = without_loop(hypothesis.text.strip(), rules.repetitions)
    if not split_words(text):
        return ""
    unsure = hypothesis.avg_logprob < rules.doubtful_logprob
    if hypothesis.avg_logprob < rules.hopeless_logprob:
        return ""
    if hypothesis.no_speech_prob > rules.no_speech_prob and unsure:
        return ""
    maybe_silence = unsure or hypothesis.no_speech_prob > rules.phantom_no_speech_prob
    if maybe_silence and (plain(text) in PHANTOMS or is_leaked(text, hot_words)):
        return ""
    if compression_ratio(text) > rules.compression_ratio:
        return ""
    return text


def plain(text: str) -> str:
    """For comparing: letters and digits of any script, single spaces, no case."""
    kept = "".join(char if char.isalnum() or char == "'" else " " for char in text.casefold())
    return " ".join(kept.split())


def is_leaked(text: str, hot_words: Sequence[str]) -> bool:
    """Two or more hot words and nothing else: the prompt read back."""
    listed = {word for hot in hot_words for word in plain(hot).split()}
    words = plain(text).split()
    return len(words) > 1 and all(word in listed for word in words)


def compression_ratio(text: str) -> float:
    data = text.encode()
    return len(data) / len(zlib.compress(data))


def without_loop(text: str, repetitions: int) -> str:
    """A phrase of up to eight words that comes `repetitions` times in a row is kept once, and what follows it is dropped."""
    words = split_words(text)
    folded = [plain(word) for word in words]
    for length in range(1, 9):
        for start in range(len(words) - length * repetitions + 1):
            phrase = folded[start : start + length]
            if all(folded[start + n * length : start + (n + 1) * length] == phrase for n in range(1, repetitions)):
                return _first_words(text, words[: start + length])
    return text


def _first_words(text: str, words: Sequence[str]) -> str:
    end = 0
    for word in words:
        end = text.index(word, end) + len(word)
    return text[:end].rstrip()
