"""What a rule is: words to look for in English and Chinese, and a small function that answers."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from . import speeches
from .conversation import Conversation


@dataclass(frozen=True, slots=True)
class UseTool:
    """Instead of words: a tool to call."""

    name: str
    arguments: dict[str, Any]


Answer = str | UseTool
# None means "not mine after all": the next rule is asked.
Answering = Callable[[Conversation, re.Match[str]], Answer | None]


@dataclass(frozen=True, slots=True)
class Rule:
    """`en` and `zh` are regular expressions; an empty one never matches."""

    name: str
    en: str
    zh: str
    answer: Answering | None = None
    """None says the sentences that `speeches` keeps under the rule's name."""

    def try_on(self, conversation: Conversation) -> Answer | None:
        pattern = self.zh if conversation.language == "zh" else self.en
        match = re.search(pattern, conversation.words) if pattern else None
        if match is None:
            return None
        return self.answer(conversation, match) if self.answer else speech(conversation, self.name)


def speech(conversation: Conversation, kind: str) -> str:
    zh = conversation.language == "zh"
    choices = (speeches.ZH if zh else speeches.EN)[kind]
    name = conversation.name()
    comma = "，" if zh else ", "
    return choices[conversation.turn % len(choices)].replace("{name}", f"{comma}{name}" if name else "")
