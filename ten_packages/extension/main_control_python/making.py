"""Making replies: numbering them, tracing them, and putting the question to the model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .listening import Listening
from .memory import Memory
from .outbox import Outbox
from .reply import Origin, Reply
from .thinking import Thinking
from .tracing import TurnTrace


class ReplyMaker:
    def __init__(
        self, outbox: Outbox, listening: Listening, memory: Memory, thinking: Thinking, epoch_ms: Callable[[], int]
    ) -> None:
        self._outbox = outbox
        self._listening = listening
        self._memory = memory
        self._thinking = thinking
        self._epoch_ms = epoch_ms
        self._generation = 0

    def new(
        self,
        turn_id: int,
        origin: Origin,
        trace: TurnTrace,
        *,
        user_text: str = "",
        draft: bool = False,
        protected: bool = False,
        request_id: str = "",
    ) -> Reply:
        """A reply with the next generation, so that everything older can be told from it; `request_id`: named by who asked for it."""
        self._generation += 1
        metadata: dict[str, Any] = {
            "session_id": self._outbox.session_id,
            "turn_id": turn_id,
            "generation": self._generation,
            "request_id": request_id or f"reply-{self._generation}",
        }
        if draft:
            metadata["draft"] = True
        return Reply(self._generation, turn_id, origin, draft, protected, metadata, trace, user_text)

    def ask_model(self, reply: Reply, now_ms: float, instructions: str = "") -> None:
        reply.memories = self._memory.take()
        if not reply.draft:
            self.show_memories(reply, now_ms)
        self._thinking.start(reply, now_ms, instructions)

    def show_memories(self, reply: Reply, now_ms: float) -> None:
        if reply.memories:
            self._outbox.message("memory", reply.turn_id, now_ms, items=reply.memories)

    def trace_from_now(self, now_ms: float) -> TurnTrace:
        """For typed turns, drafts, and words of our own."""
        return TurnTrace(now_ms, self._epoch_ms())

    def trace_of_speech(self, now_ms: float) -> TurnTrace:
        """From the person's last speech sample, with what has happened since."""
        listening = self._listening
        if not listening.end_ms:
            return self.trace_from_now(now_ms)
        origin = listening.end_ms
        trace = TurnTrace(origin, self._epoch_ms() - round(now_ms - origin), listening.end_media_ms)
        trace.span("voice_end", "vad", origin, listening.end_seen_ms)
        if listening.final_ms >= listening.finalized_ms:
            trace.span("last_words", "stt", listening.finalized_ms, listening.final_ms)
        trace.span("endpoint", "main_control", origin, now_ms)
        trace.endpoint_ms = now_ms - origin
        return trace
