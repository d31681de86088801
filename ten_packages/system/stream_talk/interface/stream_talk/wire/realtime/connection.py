"""The protocol as one state machine: client text in, effects out; messages of the conversation in, effects out.

Two choices where the protocol leaves room:
* While a reply is playing, `speech_started` is sent when the conversation has decided that it is an interruption, not at the first
  sound: stock clients throw their sound away at that event, and a cough should not cost the person the rest of the sentence.
* A sound that turns out to hold no words is followed by `speech_stopped` and `cleared`: nothing is committed and nothing answered.
* A function's output is passed on when `response.create` follows it, because our conversation goes on by itself once it has it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stream_talk.wire.realtime.effects import Effect, Microphone, ToClient, ToSession
from stream_talk.wire.realtime.errors import RealtimeError
from stream_talk.wire.realtime.items import Item
from stream_talk.wire.realtime.requests import ClientRequests
from stream_talk.wire.realtime.response import NewId, Response
from stream_talk.wire.realtime.session_object import SessionObject

__all__ = ["Effect", "Microphone", "RealtimeConnection", "ToClient", "ToSession"]


class RealtimeConnection(ClientRequests):
    """The whole: what the client says (`receive`), and what the conversation says (`on_...`)."""

    def __init__(self, new_id: NewId, session: SessionObject, *, beta: bool = False) -> None:
        super().__init__(new_id, session, beta=beta)
        self._held: list[tuple[bytes, int, int, str]] = []

    def on_message(self, message: Mapping[str, Any]) -> list[Effect]:
        kind = message.get("type")
        if kind == "state":
            return self._on_state(str(message.get("state")))
        if kind == "user_text":
            return self._on_user_text(message)
        if kind == "assistant_text":
            return self._on_assistant_text(message)
        if kind == "words":
            return self._on_words(message)
        if kind == "heard":
            return self._on_heard(message)
        if kind == "tool" and message.get("state") == "asked":
            return self._on_tool(message)
        if kind == "audio_end":
            return self._on_audio_end(message)
        if kind == "notice" and message.get("level") == "error":
            return self._on_failure(str(message.get("text")))
        return []

    def _on_state(self, state: str) -> list[Effect]:
        self._state = state
        self._hearing_seen = self._hearing_seen or state == "hearing"
        if state == "hearing" and (self.response is None or not self.response.audio_started):
            return self._speech_started(self._appended_ms - self.session.prefix_padding_ms)
        if state in ("idle", "listening"):
            effects = self._nothing_said() if self._hearing_seen else []
            # A reply that had nothing to say aloud has no audio_end.
            response = self.response
            if response is not None and response.text_is_final and not response.audio_started:
                effects += self._close("completed")
            return effects
        return []

    def _nothing_said(self) -> list[Effect]:
        """What was taken for speech, or committed as such, held no words."""
        effects: list[Effect] = []
        if self._speech_told:
            effects = [*self._speech_stopped(self._appended_ms), ToClient({"type": "input_audio_buffer.cleared"})]
            self._speech_item, self._delta_chars = None, 0
        while self._awaiting_transcript:
            effects += self._transcribed("", {})
        return effects

    def _speech_started(self, start_ms: float) -> list[Effect]:
        if self.session.is_manual or self._speech_told:
            return []
        self._speech_item = self._speech_item or self._new_id("item")
        self._speech_told, self._hearing_seen = True, self._state == "hearing"
        at_ms = int(max(0.0, start_ms))
        return [
            ToClient(
                {"type": "input_audio_buffer.speech_started", "item_id": self._speech_item, "audio_start_ms": at_ms}
            )
        ]

    def _speech_stopped(self, end_ms: float) -> list[Effect]:
        self._speech_told = False
        name, item_id = "input_audio_buffer.speech_stopped", self._speech_item
        return [ToClient({"type": name, "item_id": item_id, "audio_end_ms": int(end_ms)})]

    def _on_user_text(self, message: Mapping[str, Any]) -> list[Effect]:
        text, turn_id = str(message.get("text", "")), int(message.get("turn_id") or 0)
        if message.get("source") == "typed":
            self.conversation.typed_in_turn(text, turn_id)
            return []
        if not message.get("final"):
            return self._transcript_delta(text[: int(message.get("stable_chars") or 0)])
        effects: list[Effect] = []
        if not self.session.is_manual and not self._awaiting_transcript:
            start_ms = float(message.get("start_ms") or 0.0)
            effects += self._speech_started(start_ms - self.session.prefix_padding_ms)
            end_ms = start_ms + float(message.get("duration_ms") or 0.0)
            effects += [*self._speech_stopped(end_ms), *self._committed()]
        effects += [*self._replace_earlier(turn_id), *self._transcribed(text, message)]
        held, self._held = self._held, []
        for sound in held:
            effects += self.on_audio(*sound)
        return effects

    def _replace_earlier(self, turn_id: int) -> list[Effect]:
        """The person had not finished: the turn is told once more, whole."""
        earlier = self.conversation.question_of(turn_id) if turn_id else None
        if earlier is None or not self._awaiting_transcript:
            return []
        self.conversation.remove(earlier.id)
        return [ToClient({"type": "conversation.item.deleted", "item_id": earlier.id})]

    def _committed(self) -> list[Effect]:
        """The audio so far becomes an item, under the id that was announced."""
        item_id = self._speech_item or self._new_id("item")
        self._speech_item, self._speech_told, self._hearing_seen = None, False, False
        duration_ms, self._uncommitted_ms = self._uncommitted_ms, 0.0
        body = {"id": item_id, "object": "realtime.item", "type": "message", "status": "completed", "role": "user",
                "content": [{"type": "input_audio", "transcript": None}]}  # fmt: skip
        previous = self.conversation.add(Item(item_id, body, audio_ms=duration_ms))
        self._awaiting_transcript.append(item_id)
        shown = {**body, "content": [{"type": "input_audio", "transcript": None}]}
        return [
            ToClient({"type": "input_audio_buffer.committed", "item_id": item_id, "previous_item_id": previous}),
            ToClient({"type": "conversation.item.added", "previous_item_id": previous, "item": shown}),
            ToClient({"type": "conversation.item.done", "previous_item_id": previous, "item": shown}),
        ]

    def _transcribed(self, text: str, message: Mapping[str, Any]) -> list[Effect]:
        self._delta_chars = 0
        if not self._awaiting_transcript:
            return []
        item_id = self._awaiting_transcript.pop(0)
        item = self.conversation.find(item_id)
        if item is None:
            return []  # the client deleted it meanwhile
        item.body["content"][0]["transcript"] = text
        item.turn_id = int(message.get("turn_id") or 0) or None
        if self.session.body()["audio"]["input"]["transcription"] is None:
            return []
        duration_ms = float(message.get("duration_ms") or item.audio_ms)
        usage = {"type": "duration", "seconds": round(duration_ms / 1000, 3)}
        completed = {
            "type": "conversation.item.input_audio_transcription.completed",
            "item_id": item_id,
            "content_index": 0,
        }
        return [ToClient({**completed, "transcript": text, "usage": usage})]

    def _transcript_delta(self, stable: str) -> list[Effect]:
        """Deltas can only be appended, so only what will not change is sent."""
        wanted = self.session.body()["audio"]["input"]["transcription"] is not None
        if not wanted or self._speech_item is None or len(stable) <= self._delta_chars:
            return []
        delta, self._delta_chars = stable[self._delta_chars :], len(stable)
        name = "conversation.item.input_audio_transcription.delta"
        return [ToClient({"type": name, "item_id": self._speech_item, "content_index": 0, "delta": delta})]

    def _reply(self, message: Mapping[str, Any]) -> tuple[Response | None, list[Effect]]:
        """The response that a message of a reply belongs to, opened when it is new; None for a reply that was cut."""
        generation = int(message.get("generation", -1))
        if generation <= self._dead_generation or message.get("request_id") in self._dead_requests:
            return None, []
        effects: list[Effect] = []
        current = self.response
        if current is not None and current.generation is not None and current.generation != generation:
            effects += self._close("completed")
            current = None
        if current is None:
            current = self.response = Response(self._new_id, self.session, self.conversation)
            effects += [ToClient(event) for event in current.created()]
        if current.generation is None:
            current.bind(generation, int(message.get("turn_id") or 0), str(message.get("request_id") or ""))
            self.session.voice_locked = True
        return current, effects

    def _on_assistant_text(self, message: Mapping[str, Any]) -> list[Effect]:
        if message.get("reasoning"):
            return []
        response, effects = self._reply(message)
        if response is None:
            return []
        delta = str(message.get("delta") or "")
        if delta:
            effects += [ToClient(event) for event in response.text(delta)]
        if message.get("final"):
            response.text_is_final = True
            if response.is_text:
                effects += self._close("completed")
        return effects

    def on_audio(self, pcm: bytes, generation: int, turn_id: int, request_id: str) -> list[Effect]:
        if self.session.is_text_only if self.response is None else self.response.is_text:
            return []
        if self._speech_told and self.response is None:
            # A reply that was prepared while the person spoke is let go a little before their last words are told.
            self._held.append((pcm, generation, turn_id, request_id))
            return []
        response, effects = self._reply({"generation": generation, "turn_id": turn_id, "request_id": request_id})
        if response is None:
            return []
        for event in response.audio(pcm):
            is_sound = event["type"] == "response.output_audio.delta"
            effects.append(ToClient(event, generation if is_sound else None))
        return effects

    def _on_words(self, message: Mapping[str, Any]) -> list[Effect]:
        response = self.response
        if response is not None and response.message is not None and message.get("request_id") == response.request_id:
            response.message.word_ends += [
                (str(word["word"]), float(word["start_ms"]) + float(word["duration_ms"]))
                for word in message.get("words", [])
            ]
        return []

    def _on_heard(self, message: Mapping[str, Any]) -> list[Effect]:
        reply = self.conversation.reply_of(int(message.get("turn_id") or 0))
        if reply is not None and message.get("interrupted"):
            reply.heard = str(message.get("heard_text") or "")
        return []

    def _on_audio_end(self, message: Mapping[str, Any]) -> list[Effect]:
        response = self.response
        if response is None or response.request_id != message.get("request_id"):
            return []
        if message.get("reason") == "interrupted":
            return self._close("cancelled", "turn_detected")
        return self._close("completed")

    def _on_tool(self, message: Mapping[str, Any]) -> list[Effect]:
        """The response ends with the last of its calls; the client answers them, and asks for the next response."""
        effects: list[Effect] = []
        self._asking_reply = str(message.get("request_id") or "unnamed")
        if self.response is None:
            self.response = Response(self._new_id, self.session, self.conversation)
            effects = [ToClient(event) for event in self.response.created()]
        call = self.response.function_call(
            str(message["call_id"]), str(message["name"]), dict(message.get("arguments") or {})
        )
        effects += [ToClient(event) for event in call]
        return effects if message.get("more") else [*effects, *self._close("completed")]

    def _on_failure(self, text: str) -> list[Effect]:
        error = RealtimeError("server_error", text, kind="server_error")
        closing = self._close("failed", error={"type": "server_error", "code": "server_error"})
        return [*closing, self._error(error, None)]

    def on_cut(self, generation: int, request_id: str = "") -> list[Effect]:
        """The reply is dead. In the order that all known clients understand: speech_started, the closing events, response.done."""
        self._dead_generation = max(self._dead_generation, generation)
        self._held = [sound for sound in self._held if sound[1] > generation]
        if request_id and request_id == self._asking_reply:
            self._asking_reply = ""
        response = self.response
        if response is None:
            return []
        # One that was asked for and has not begun is not the one that is being cut, unless it is named.
        is_dead = (
            request_id == response.request_id if response.generation is None else response.generation <= generation
        )
        if not is_dead:
            return []
        started = (
            self._speech_started(self._appended_ms - self.session.prefix_padding_ms) if response.audio_started else []
        )
        return [*started, *self._close("cancelled", "turn_detected")]

    def _close(self, status: str, reason: str | None = None, error: dict[str, Any] | None = None) -> list[Effect]:
        response, self.response = self.response, None
        if response is None:
            return []
        if status != "completed":
            # One that was cancelled before its first word has no number yet, and that word may be on its way.
            self._dead_requests.append(response.request_id)
            self._dead_generation = max(self._dead_generation, response.generation or -1)
        deferred, self._deferred = self._deferred, []
        return [*(ToClient(event) for event in response.close(status, reason, error)), *deferred]
