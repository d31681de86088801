"""One reply of the assistant: what all collaborators share about it."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Any, Literal

from stream_talk.text.spoken import SpokenClauses
from stream_talk.turn.ledger import ReplyLedger

from .tracing import TurnTrace

Origin = Literal["turn", "say"]


@dataclass(slots=True)
class PendingToolCall:
    call_id: str
    name: str
    arguments: dict[str, Any]
    state: Literal["held", "running", "done", "cancelled"] = "held"
    deadline_ms: float = float("inf")


@dataclass(slots=True)
class Reply:
    generation: int
    turn_id: int
    origin: Origin
    draft: bool
    protected: bool
    metadata: dict[str, Any]
    trace: TurnTrace
    user_text: str = ""

    # thinking
    llm_id: str = ""
    llm_started_ms: float = 0.0
    llm_last_ms: float = 0.0
    llm_first_ms: float | None = None
    llm_running: bool = False
    llm_done: bool = False
    memories: list[dict[str, Any]] = field(default_factory=list)
    tool_rounds: int = 0
    tool_calls: list[PendingToolCall] = field(default_factory=list)
    text: str = ""  # everything the model wrote, as it wrote it
    reasoning: str = ""
    shown_chars: int = 0
    shown_ms: float = float("-inf")
    splitter: SpokenClauses = field(default_factory=SpokenClauses)
    clauses: deque[str] = field(default_factory=deque)  # not yet given to the synthesiser

    # speaking
    ledger: ReplyLedger = field(default_factory=ReplyLedger)
    first_clause_ms: float | None = None
    text_ended: bool = False
    audio_started_ms: float | None = None
    audio_ended: bool = False
    played_from_ms: float | None = None  # first report
    last_progress_ms: float = 0.0
    paused: bool = False
    over: bool = False
    interrupted: bool = False
    taken_back: bool = False  # its turn was not over and goes on

    @property
    def request_id(self) -> str:
        return str(self.metadata["request_id"])

    @property
    def heard_something(self) -> bool:
        return self.ledger.played_ms > 0

    @property
    def speaks(self) -> bool:
        """The synthesiser was given something."""
        return self.first_clause_ms is not None

    @property
    def waits_for_tools(self) -> bool:
        return any(call.state in ("held", "running") for call in self.tool_calls)
