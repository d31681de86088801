"""The state of one TTS request: text in, clauses out, and what was sent of it. No engine, no runtime."""

from __future__ import annotations

import asyncio
import re
from collections import deque
from typing import Any

from stream_talk.audio.dump import PcmDump
from stream_talk.audio.resample import StreamResampler
from stream_talk.ten.messages import Json, to_json
from stream_talk.text.spoken import SpokenClauses
from stream_talk.text.units import count_words

# Two words or more of plain letters up to a mark, with nothing inside that the filter or the splitter would have to look at.
_PLAIN_CLAUSE = re.compile(r"\s*[A-Za-z]+(?:[ ,'-]+[A-Za-z]+)+[.!?,;:]\s*")
_CLAUSE_MARKS = frozenset(".!?;:,…。！？；：，、\n")
_OPTIONS = ("voice", "rate", "pitch", "volume", "language", "style")
_GROUP_CLAUSES = 3
_GROUP_CHARS = 200


class TtsRequest:
    def __init__(self, request_id: str, metadata: Json, created_ms: float) -> None:
        self.request_id = request_id
        self.metadata = metadata
        self.metadata_json = to_json(metadata)
        self.created_ms = created_ms
        self.generation = generation_of(metadata)
        self.text_ended = False
        self.dead = False  # flushed: nothing of it may be sent any more
        self.audio_started_ms: float | None = None
        self.sent_ms = 0.0
        self.ttfb_ms: float | None = None  # measured and not yet reported
        self.characters = 0
        self.resampler: StreamResampler | None = None
        self.dump: PcmDump | None = None
        self.hold_timer: asyncio.TimerHandle | None = None
        self.clauses_spoken = 0
        self.options: Json = {}
        self._splitter = SpokenClauses()
        self._clauses: deque[str] = deque()
        self._changed = asyncio.Event()

    def add_text(self, text: str, *, end: bool) -> None:
        self.characters += len(text)
        if not self._splitter.pending and _PLAIN_CLAUSE.fullmatch(text):
            self._clauses.append(text.strip())  # nearly always: a whole clause of plain words from a control node
        else:
            self._clauses.extend(clause.text for clause in self._splitter.feed(text))
            if end or is_whole_clause(text):
                self._complete_pending()
        self.text_ended |= end
        self._changed.set()

    def add_options(self, body: Json) -> None:
        """How to speak, where the sender says so beside the text; for the clauses from here on."""
        chosen = {key: body[key] for key in _OPTIONS if body.get(key) not in (None, "")}
        if chosen:
            self.options = {**self.options, **chosen}

    @property
    def is_draft(self) -> bool:
        """Speculated speech, which waits for all other work."""
        return bool(self.metadata.get("draft"))

    @property
    def holds_text(self) -> bool:
        """There is text that does not look like a whole clause yet."""
        return any(char.isalnum() for char in self._splitter.pending)

    def release_held_text(self) -> None:
        """Nothing more came for a while: speak what there is."""
        self._complete_pending()
        self._changed.set()

    def kill(self) -> None:
        self.dead = True
        self._clauses.clear()
        if self.hold_timer is not None:
            self.hold_timer.cancel()
        self._changed.set()

    def take_group(self) -> str | None:
        """The next text to synthesise: the first clause alone, for speed, then up to three waiting clauses, for melody."""
        if not self._clauses or self.dead:
            return None
        group = [self._clauses.popleft()]
        limit = _GROUP_CLAUSES if self.clauses_spoken else 1
        while self._clauses and len(group) < limit and len(group[0]) + len(self._clauses[0]) < _GROUP_CHARS:
            group.append(self._clauses.popleft())
        self.clauses_spoken += 1
        return " ".join(group)

    @property
    def has_clauses(self) -> bool:
        return bool(self._clauses)

    @property
    def is_complete(self) -> bool:
        return self.text_ended and not self._clauses

    async def changed(self) -> None:
        """Wait for more text, the end of the text, or a flush."""
        await self._changed.wait()
        self._changed.clear()

    def _complete_pending(self) -> None:
        self._clauses.extend(clause.text for clause in self._splitter.finish())


def is_whole_clause(text: str) -> bool:
    """A control node sends clauses; language model tokens are single words. Two words up to a mark are no token."""
    stripped = text.rstrip()
    return bool(stripped) and stripped[-1] in _CLAUSE_MARKS and count_words(stripped) >= 2


def generation_of(metadata: Any) -> int | None:
    value = metadata.get("generation") if isinstance(metadata, dict) else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None
