"""The protocol as one state machine: client text in, effects out; messages of the conversation in, effects out.

Two choices where the protocol leaves room:
* While a reply is playing, `speech_started` is sent when the conversation has decided that it is an interruption, not at the first
  sound: stock clients throw their sound away at that event, and a cough should not cost the person the rest of the sentence.
* A function's output is passed on when `response.create` follows it, because our conversation goes on by itself once it has it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stream_talk.wire.realtime.effects import Effect, Microphone, ToClient, ToSession
from stream_talk.wire.realtime.errors import RealtimeError
from stream_talk.wire.realtime.items import Item
from stream_talk.wire.realtime.requests import ClientRequests
from stream_talk.wire.realtime.response import Response

__all__ = ["Effect", "Microphone", "RealtimeConnection", "ToClient", "ToSession"]


class RealtimeConnection(ClientRequests):
    """The whole: what the client says (`receive`), and what the conversation says (`on_...`)."""

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
        if kind == "tool" and message.get("state") == "asked":
            return self._on_tool(message)
        if kind == "audio_end":
            return self._on_audio_end(message)
        if kind == "notice" and message.get("level") == "error":
            return self._on_failure(str(message.get("text")))
        return []

    def _on_state(self, state: str) -> list[Effect]:
        if state == "hearing" and (self.response is None or not self.response.audio_started):
            return self._speech_started(self._appended_ms - self.session.prefix_padding_ms)
        if state in ("idle", "listening"):
            # A reply that had nothing to say aloud has no audio_end.
            response = self.response
            if response is not None and response.text_is_final and not response.audio_started:
                return self._close("completed")
        return []

    def _speech_started(self, start_ms: float) -> list[Effect]:
        if self.session.is_manual or self._speech_told:
            return []
        self._speech_item = self._speech_item or self._new_id("item")
        self._speech_told = True
        at_ms = int(max(0.0, start_ms))
        return [
            ToClient(
                {"type": "input_audio_buffer.speech_started", "item_id": self._speech_item, "audio_start_ms": at_ms}
            )
        ]

    def _on_user_text(self, message: Mapping[str, Any]) -> list[Effect]:
        if message.get("source") == "typed":
            return []
        text, start_ms = str(message.get("text", "")), float(message.get("start_ms") or 0.0)
        if not message.get("final"):
            return self._transcript_delta(text[: int(message.get("stable_chars") or 0)])
        effects: list[Effect] = []
        if not self.session.is_manual:
            effects += self._speech_started(start_ms - self.session.prefix_padding_ms)
            end_ms = int(start_ms + float(message.get("duration_ms") or 0.0))
            stopped = {
                "type": "input_audio_buffer.speech_stopped",
                "item_id": self._speech_item,
                "audio_end_ms": end_ms,
            }
            effects += [ToClient(stopped), *self._committed()]
        return [*effects, *self._transcribed(text, message)]

    def _committed(self) -> list[Effect]:
        """The audio so far becomes an item, under the id that was announced."""
        item_id = self._speech_item or self._new_id("item")
        self._speech_item, self._speech_told = None, False
        self._uncommitted_ms = 0.0
        body = {"id": item_id, "object": "realtime.item", "type": "message", "status": "completed", "role": "user",
                "content": [{"type": "input_audio", "transcript": None}]}  # fmt: skip
        previous = self.conversation.add(Item(item_id, body))
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
        self.conversation.get(item_id).body["content"][0]["transcript"] = text
        if self.session.body()["audio"]["input"]["transcription"] is None:
            return []
        usage = {"type": "duration", "seconds": round(float(message.get("duration_ms") or 0.0) / 1000, 3)}
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
        if generation <= self._dead_generation:
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
        if self.session.is_text_only:
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

    def _on_audio_end(self, message: Mapping[str, Any]) -> list[Effect]:
        response = self.response
        if response is None or response.request_id != message.get("request_id"):
            return []
        if message.get("reason") == "interrupted":
            return self._close("cancelled", "turn_detected")
        return self._close("completed")

    def _on_tool(self, message: Mapping[str, Any]) -> list[Effect]:
        """The response ends with the call; the client answers it, and asks for the next response."""
        effects: list[Effect] = []
        if self.response is None:
            self.response = Response(self._new_id, self.session, self.conversation)
            effects = [ToClient(event) for event in self.response.created()]
        call = self.response.function_call(
            str(message["call_id"]), str(message["name"]), dict(message.get("arguments") or {})
        )
        return [*effects, *(ToClient(event) for event in call), *self._close("completed")]

    def _on_failure(self, text: str) -> list[Effect]:
        error = RealtimeError("server_error", text, kind="server_error")
        closing = self._close("failed", error={"type": "server_error", "code": "server_error"})
        return [*closing, self._error(error, None)]

    def on_cut(self, generation: int) -> list[Effect]:
        """The reply is dead. In the order that all known clients understand: speech_started, the closing events, response.done."""
        self._dead_generation = max(self._dead_generation, generation)
        response = self.response
        if response is None or (response.generation is not None and response.generation > generation):
            return []
        started = (
            self._speech_started(self._appended_ms - self.session.prefix_padding_ms) if response.audio_started else []
        )
        return [*started, *self._close("cancelled", "turn_detected")]

    def _close(self, status: str, reason: str | None = None, error: dict[str, Any] | None = None) -> list[Effect]:
        response, self.response = self.response, None
        if response is None:
            return []
        if response.generation is not None and status != "completed":
            self._dead_generation = max(self._dead_generation, response.generation)
        return [ToClient(event) for event in response.close(status, reason, error)]
