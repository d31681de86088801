"""A client of the Realtime protocol's state machine, and the conversation on its other side."""

from __future__ import annotations

import base64
import itertools
import json
from typing import Any

from stream_talk.wire.realtime.connection import Microphone, RealtimeConnection, ToClient, ToSession
from stream_talk.wire.realtime.session_object import SessionObject


class Client:
    """Keeps what it was told, and what the conversation was told."""

    def __init__(self, *, beta: bool = False) -> None:
        numbers = itertools.count()
        self.connection = RealtimeConnection(
            lambda kind: f"{kind}_{next(numbers)}", SessionObject("sess_1", "m", "alloy", 0), beta=beta
        )
        self.events: list[dict[str, Any]] = []
        self.asked: list[dict[str, Any]] = []
        self.sound: list[Microphone] = []
        self.take(self.connection.opened())

    def take(self, effects) -> None:
        for effect in effects:
            if isinstance(effect, ToClient):
                self.events.append(json.loads(json.dumps(effect.event)))
            elif isinstance(effect, ToSession):
                self.asked.append(effect.event)
            else:
                self.sound.append(effect)

    def send(self, **message) -> None:
        self.take(self.connection.receive(json.dumps(message)))

    def speak(self, ms: int = 200) -> None:
        self.send(type="input_audio_buffer.append", audio=base64.b64encode(bytes(48 * ms)).decode())

    def hear(self, **message) -> None:
        self.take(self.connection.on_message(message))

    def sound_out(self, generation: int = 1, ms: int = 100) -> None:
        self.take(self.connection.on_audio(bytes(48 * ms), generation, 1, f"r{generation}"))

    def turn(self, text: str = "what's up") -> None:
        self.speak(1_000)
        self.hear(type="state", state="hearing")
        self.hear(type="user_text", text=text, final=True, start_ms=400, duration_ms=600, source="speech")

    def reply(self, text: str = "Not much.", generation: int = 1) -> None:
        for delta in (text[:3], text[3:]):
            self.hear(
                type="assistant_text",
                delta=delta,
                final=False,
                generation=generation,
                turn_id=1,
                request_id=f"r{generation}",
            )
        self.hear(
            type="assistant_text", delta="", final=True, generation=generation, turn_id=1, request_id=f"r{generation}"
        )

    def types(self) -> list[str]:
        return [event["type"] for event in self.events]

    def last(self, kind: str) -> dict[str, Any]:
        return next(event for event in reversed(self.events) if event["type"] == kind)

    @property
    def response_id(self) -> str:
        return "" if self.connection.response is None else self.connection.response.id

    def forget(self) -> None:
        self.events.clear()
        self.asked.clear()
