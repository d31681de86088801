"""What the talker knows: the conversation's messages and nothing else. It keeps no state of its own."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

CJK = re.compile("[\u3400-\u9fff\u3040-\u30ff\uff00-\uffef]")
NAME_EN = re.compile(
    r"\b(?:my name is|my name's|i am called|call me|you can call me)\s+([a-z][\w'-]*(?:\s[A-Z][\w'-]*)?)", re.IGNORECASE
)
NAME_ZH = re.compile("(?:我叫|我的名字是|我的名字叫|叫我)([\u3400-\u9fffA-Za-z]{1,8}?)(?=[，。！？,.!?\\s吧啊呢]|$)")
NOT_NAMES_EN = {"a", "an", "the", "not", "when", "later", "back", "if", "what", "tomorrow", "today", "anything"}
NOT_NAMES_ZH = ("什么", "啥", "谁")
# The mark that a cut leaves in the history is for a language model; read aloud it would be noise.
ASIDE = re.compile(r"\s*(?:[\[(（【][^\])）】]*interrupt[^\])）】]*[\])）】]\s*|[—…]+\s*$)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Said:
    role: str
    text: str


@dataclass(frozen=True, slots=True)
class Conversation:
    """One look at the conversation, at the moment when a reply is wanted."""

    text: str
    language: str
    now: datetime
    said: tuple[Said, ...] = ()
    tools: Sequence[Mapping[str, Any]] = ()
    tool_output: str | None = None
    words: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "words", normalise(self.text))

    @property
    def turn(self) -> int:
        """How many times the person has spoken; chooses among phrases so that the talker does not repeat itself."""
        return max(0, sum(entry.role == "user" for entry in self.said) - 1)

    def last_reply(self) -> str | None:
        return next((entry.text for entry in reversed(self.said) if entry.role == "assistant" and entry.text), None)

    def previous_words_of_person(self) -> str | None:
        spoken = [entry.text for entry in self.said if entry.role == "user"]
        return spoken[-2] if len(spoken) > 1 else None

    def name(self) -> str | None:
        for entry in reversed(self.said):
            found = name_in(entry.text) if entry.role == "user" else None
            if found:
                return found
        return None


def read(
    messages: Sequence[Mapping[str, Any]], tools: Sequence[Mapping[str, Any]], now: datetime, default_language: str
) -> Conversation:
    said = tuple(Said(str(message.get("role", "")), text_of(message)) for message in messages if "content" in message)
    spoken = [entry.text for entry in said if entry.role == "user" and entry.text]
    text = spoken[-1] if spoken else ""
    last = messages[-1] if messages else {}
    output = str(last.get("output", "")) if last.get("type") == "function_call_output" else None
    return Conversation(text, language_of(text, default_language), now, said, tools, output)


def text_of(message: Mapping[str, Any]) -> str:
    content = message.get("content")
    if isinstance(content, list):
        texts = [part for part in content if isinstance(part, Mapping) and part.get("type") == "text"]
        content = " ".join(str(part.get("text", "")) for part in texts)
    return ASIDE.sub(" ", str(content or "")).strip()


def language_of(text: str, default: str) -> str:
    if CJK.search(text):
        return "zh"
    return "en" if re.search("[A-Za-z]", text) else default


def name_in(text: str) -> str | None:
    english = NAME_EN.search(text)
    if english and english[1].lower().split()[0] not in NOT_NAMES_EN:
        return " ".join(part[0].upper() + part[1:] for part in english[1].split())
    chinese = NAME_ZH.search(text)
    if chinese and not any(word in chinese[1] for word in NOT_NAMES_ZH):
        return chinese[1]
    return None


def normalise(text: str) -> str:
    """Lower case, straight quotes, no marks at the ends: what the patterns of the rules are written for."""
    plain = text.replace("’", "'").replace("`", "'").lower()
    plain = re.sub(r"[,;:!?\"“”]+(?=\s|$)", " ", plain)
    plain = re.sub("[，。！？、；：]", " ", plain)
    return re.sub(r"\s+", " ", plain).strip(" .")
