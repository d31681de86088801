"""What an engine must be.

An engine is a plain class that knows nothing of TEN, event loops or sessions. Its slow methods are ordinary generators: each
`yield` hands out a result and is a place where the host may stop it. That is all a host needs to run the same class inline,
on a thread, or in a worker process of another environment.

Rules every engine keeps:
* the constructor only stores its configuration; `load` does the work and raises `EngineUnavailable` with the remedy;
* a generator checks `cancel` at least once per model step, and leaves the engine usable when it is closed early;
* audio is mono numpy int16 at `sample_rate_hz`; text is str; no shared mutable state between requests or streams.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

Pcm16 = npt.NDArray[np.int16]


class EngineUnavailable(RuntimeError):
    """The engine cannot run here. `what` is missing; `remedy` is what to type or change."""

    def __init__(self, what: str, remedy: str, *, permanent: bool = True) -> None:
        super().__init__(f"{what}; {remedy}")
        self.what = what
        self.remedy = remedy
        self.permanent = permanent

    def __reduce__(self) -> tuple[Any, ...]:
        # Keyword-only arguments do not survive exception pickling by themselves; workers send this across processes.
        return (_rebuild_unavailable, (self.what, self.remedy, self.permanent))


def _rebuild_unavailable(what: str, remedy: str, permanent: bool) -> EngineUnavailable:
    return EngineUnavailable(what, remedy, permanent=permanent)


class CancelToken(Protocol):
    """Handed to every generator. Reading it is cheap."""

    @property
    def cancelled(self) -> bool: ...


class Engine(Protocol):
    """What all engines share."""

    def load(self) -> None:
        """Bring the model into memory. Idempotent."""

    def warm_up(self) -> None:
        """Run once on trivial input so that the first request is not the slow one."""

    def close(self) -> None:
        """Free everything. Idempotent; `load` may follow."""


@dataclass(slots=True)
class Wait:
    """A generator may yield this instead of a result: let `ms` pass, without blocking whoever shares the loop or thread. Under
    simulated time the pause is simulated where the engine runs inline."""

    ms: float


# --- speech to text -------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Word:
    text: str
    start_ms: int
    duration_ms: int
    stable: bool = True


@dataclass(slots=True)
class Transcript:
    """Text of one segment. Times are relative to the first sample fed to the segment."""

    text: str
    final: bool
    start_ms: int = 0
    duration_ms: int = 0
    language: str = "en-US"
    words: list[Word] = field(default_factory=list)
    info: dict[str, Any] = field(default_factory=dict)


class AsrEngine(Engine, Protocol):
    """One segment is one utterance: `open_segment`, `feed`..., `finish` or `drop`. Segments of several sessions may be open at once."""

    sample_rate_hz: int

    def open_segment(self, segment_id: str, options: Mapping[str, Any]) -> None: ...

    def feed(self, segment_id: str, pcm: Pcm16) -> Iterable[Transcript]:
        """Take more audio; return any new partials (possibly none)."""

    def finish(self, segment_id: str, cancel: CancelToken) -> Iterator[Transcript]:
        """No more audio. Ends with exactly one final transcript, whose text may be empty."""

    def drop(self, segment_id: str) -> None:
        """Forget a segment without a result. Unknown ids are ignored."""


# --- text to speech -------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Viseme:
    viseme: str
    phoneme: str
    start_ms: int
    duration_ms: int


@dataclass(slots=True)
class SpeechChunk:
    """Some audio of one clause, and what became known with it. Times are relative to the first sample of the clause."""

    pcm: Pcm16
    words: list[Word] = field(default_factory=list)
    visemes: list[Viseme] = field(default_factory=list)


@dataclass(slots=True)
class SpeechRequest:
    """One clause to speak. `options` holds voice, rate, language, style: whatever the engine's README documents."""

    text: str
    options: dict[str, Any] = field(default_factory=dict)
    first_of_reply: bool = True
    last_of_reply: bool = False


@dataclass(slots=True)
class Voice:
    name: str
    language: str
    description: str = ""


class TtsEngine(Engine, Protocol):
    sample_rate_hz: int

    def voices(self) -> Sequence[Voice]: ...

    def speak(self, request: SpeechRequest, cancel: CancelToken) -> Iterator[SpeechChunk]:
        """Audio of one clause, first chunk as early as the model allows."""


# --- language model -------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class LlmRequest:
    """`messages` and `tools` have the shapes of TEN's chat_completion command (docs/messages.md)."""

    request_id: str
    messages: list[dict[str, Any]]
    tools: list[dict[str, Any]] = field(default_factory=list)
    parameters: dict[str, Any] = field(default_factory=dict)
    model: str | None = None


@dataclass(slots=True)
class TextDelta:
    text: str
    reasoning: bool = False


@dataclass(slots=True)
class ToolCall:
    call_id: str
    name: str
    arguments: dict[str, Any]


@dataclass(slots=True)
class Usage:
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


LlmEvent = TextDelta | ToolCall | Usage


@runtime_checkable
class LlmEngine(Protocol):
    """Language models are reached over sockets, so their stream is asynchronous and runs on the loop. Closing the iterator cancels
    the generation on the server, and returns when the server has been told."""

    async def load(self) -> None: ...

    def stream(self, request: LlmRequest) -> AsyncIterator[LlmEvent]: ...

    async def close(self) -> None: ...


# --- voice activity -------------------------------------------------------------------------------------------------


class VadEngine(Engine, Protocol):
    """Stateful, one per session, cheap enough to run inline."""

    sample_rate_hz: int
    hop_samples: int

    def probability(self, hop: Pcm16) -> float | None:
        """Probability of speech in exactly one hop; None when the engine has no decision."""

    def reset(self) -> None: ...
