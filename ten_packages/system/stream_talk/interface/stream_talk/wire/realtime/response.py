"""One response on the wire: what has been opened is closed, exactly once, in the order that stock clients rely on."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

from stream_talk.wire.realtime.items import Conversation, Item
from stream_talk.wire.realtime.session_object import SessionObject

Event = dict[str, Any]
NewId = Callable[[str], str]


class Response:
    """Unbound (`generation` is None) between `response.create` and the first word of the reply."""

    def __init__(
        self,
        new_id: NewId,
        session: SessionObject,
        conversation: Conversation,
        metadata: dict[str, Any] | None = None,
        request_id: str | None = None,
    ) -> None:
        """`request_id` names the reply that it will be, where the client asked for it; ours are named by the conversation."""
        self.id = new_id("resp")
        self.generation: int | None = None
        self.turn_id: int | None = None
        self.request_id = self.id if request_id is None else request_id
        self.is_text = session.is_text_only
        self.text_is_final = False
        self.audio_started = False
        self.message: Item | None = None
        self._new_id = new_id
        self._session = session
        self._conversation = conversation
        self._metadata = metadata
        self._format = session.output_format
        self._output: list[Item] = []

    # --- opening ---

    def created(self) -> list[Event]:
        return [{"type": "response.created", "response": self._body("in_progress", None)}]

    def bind(self, generation: int, turn_id: int, request_id: str) -> None:
        self.generation, self.turn_id, self.request_id = generation, turn_id, request_id

    def _open_message(self) -> list[Event]:
        if self.message is not None:
            return []
        body: Event = {"id": self._new_id("item"), "object": "realtime.item", "type": "message", "status": "in_progress",
                "role": "assistant", "content": []}  # fmt: skip
        item = self.message = Item(body["id"], body, self.turn_id, has_audio=not self.is_text)
        events = self._announce(item)
        part = {"type": "text", "text": ""} if self.is_text else {"type": "audio", "transcript": ""}
        events.append({"type": "response.content_part.added", **self._place(item), "content_index": 0, "part": part})
        content = {"type": "output_text", "text": ""} if self.is_text else {"type": "output_audio", "transcript": ""}
        body["content"] = [content]
        return events

    def _announce(self, item: Item) -> list[Event]:
        self._output.append(item)
        previous = self._conversation.add(item)
        shown = _copy(item)
        return [
            {
                "type": "response.output_item.added",
                "response_id": self.id,
                "output_index": self._index(item),
                "item": shown,
            },
            {"type": "conversation.item.added", "previous_item_id": previous, "item": shown},
        ]

    # --- growing ---

    def text(self, delta: str) -> list[Event]:
        events = self._open_message()
        assert self.message is not None
        key = "text" if self.is_text else "transcript"
        self.message.body["content"][0][key] += delta
        name = "response.output_text.delta" if self.is_text else "response.output_audio_transcript.delta"
        return [*events, {"type": name, **self._place(self.message), "content_index": 0, "delta": delta}]

    def audio(self, pcm: bytes) -> list[Event]:
        events = self._open_message()
        assert self.message is not None
        self.audio_started = True
        self.message.audio_ms += len(pcm) / 2 * 1000 / self._format.rate_hz
        delta = base64.b64encode(self._format.encode(pcm)).decode()
        return [
            *events,
            {"type": "response.output_audio.delta", **self._place(self.message), "content_index": 0, "delta": delta},
        ]

    def function_call(self, call_id: str, name: str, arguments: dict[str, Any]) -> list[Event]:
        body: Event = {"id": self._new_id("item"), "object": "realtime.item", "type": "function_call", "status": "in_progress",
                "name": name, "call_id": call_id, "arguments": ""}  # fmt: skip
        item = Item(body["id"], body, self.turn_id)
        events = self._announce(item)
        text = json.dumps(arguments, ensure_ascii=False)
        body.update(arguments=text, status="completed")
        place = {**self._place(item), "call_id": call_id}
        events.append({"type": "response.function_call_arguments.delta", **place, "delta": text})
        events.append({"type": "response.function_call_arguments.done", **place, "arguments": text, "name": name})
        return [*events, *self._item_done(item)]

    # --- closing ---

    def close(self, status: str, reason: str | None = None, error: dict[str, Any] | None = None) -> list[Event]:
        """`status`: completed, cancelled, failed, incomplete."""
        events = self._close_message("completed" if status == "completed" else "incomplete")
        details = None if status == "completed" else {k: v for k, v in
                   (("type", status), ("reason", reason), ("error", error)) if v is not None}  # fmt: skip
        return [*events, {"type": "response.done", "response": self._body(status, details)}]

    def _close_message(self, item_status: str) -> list[Event]:
        if self.message is None or self.message.body["status"] != "in_progress":
            return []
        item = self.message
        place, content = {**self._place(item), "content_index": 0}, item.body["content"][0]
        item.body["status"] = item_status
        if self.is_text:
            events: list[Event] = [{"type": "response.output_text.done", **place, "text": content["text"]}]
            part = {"type": "text", "text": content["text"]}
        else:
            events = [
                {"type": "response.output_audio.done", **place},
                {"type": "response.output_audio_transcript.done", **place, "transcript": content["transcript"]},
            ]
            part = {"type": "audio", "transcript": content["transcript"]}
        events.append({"type": "response.content_part.done", **place, "part": part})
        return [*events, *self._item_done(item)]

    def _item_done(self, item: Item) -> list[Event]:
        shown = _copy(item)
        return [
            {"type": "conversation.item.done", "previous_item_id": self._conversation.before(item), "item": shown},
            {
                "type": "response.output_item.done",
                "response_id": self.id,
                "output_index": self._index(item),
                "item": shown,
            },
        ]

    # --- shapes ---

    def _index(self, item: Item) -> int:
        return self._output.index(item)

    def _place(self, item: Item) -> Event:
        return {"response_id": self.id, "item_id": item.id, "output_index": self._index(item)}

    def _body(self, status: str, details: dict[str, Any] | None) -> Event:
        session = self._session.body()
        output = session["audio"]["output"]
        return {
            "id": self.id,
            "object": "realtime.response",
            "status": status,
            "status_details": details,
            "conversation_id": self._conversation.id,
            "output": [_copy(item) for item in self._output],
            "output_modalities": session["output_modalities"],
            "audio": {"output": {"format": output["format"], "voice": output["voice"]}},
            "max_output_tokens": session["max_output_tokens"],
            "metadata": self._metadata,
            "usage": None if status == "in_progress" else _no_usage(),
        }


def _copy(item: Item) -> Event:
    copied: Event = json.loads(json.dumps(item.body))
    return copied


def _no_usage() -> Event:
    """Local engines count no tokens; stock clients want numbers."""
    details = {"text_tokens": 0, "audio_tokens": 0}
    return {
        "total_tokens": 0, "input_tokens": 0, "output_tokens": 0,
        "input_token_details": {**details, "cached_tokens": 0}, "output_token_details": dict(details),
    }  # fmt: skip
