"""What the client says. Every request is answered; every fault with an `error` event that names the offending event."""

from __future__ import annotations

import base64
import binascii
from collections import deque
from collections.abc import Callable
from typing import Any

from stream_talk.wire import strict_json
from stream_talk.wire.realtime.dialect import session_from_beta
from stream_talk.wire.realtime.effects import Effect, Microphone, ToClient, ToSession
from stream_talk.wire.realtime.errors import RealtimeError
from stream_talk.wire.realtime.functions import as_tool
from stream_talk.wire.realtime.items import Conversation, Item, parse_item
from stream_talk.wire.realtime.response import NewId, Response
from stream_talk.wire.realtime.session_object import SessionObject

MAX_MESSAGE_BYTES = 21 * 1024 * 1024
MAX_APPEND_BYTES = 15 * 1024 * 1024
_SHORTEST_COMMIT_MS = 100.0


class ClientRequests:
    """State of the connection, and the client's side of it."""

    def __init__(self, new_id: NewId, session: SessionObject, *, beta: bool = False) -> None:
        self.session = session
        self.beta = beta
        self.conversation = Conversation(new_id("conv"))
        self.response: Response | None = None
        self._new_id = new_id
        self._appended_ms = 0.0
        self._uncommitted_ms = 0.0
        self._odd_byte = b""
        self._speech_item: str | None = None
        self._speech_told = False
        self._awaiting_transcript: list[str] = []
        self._delta_chars = 0
        self._dead_generation = -1
        self._dead_requests: deque[str] = deque(maxlen=8)
        self._state = ""
        self._hearing_seen = False  # since the speech that is announced or committed
        self._asking_reply = ""  # the reply that waits for outputs of the client's functions
        self._tool_outputs: list[Effect] = []
        self._deferred: list[Effect] = []
        self._history_rewritten = False
        self._handlers: dict[str, Callable[[dict[str, Any]], list[Effect]]] = {
            "session.update": self._session_update,
            "input_audio_buffer.append": self._append,
            "input_audio_buffer.commit": self._commit,
            "input_audio_buffer.clear": self._clear,
            "output_audio_buffer.clear": self._clear_output,
            "conversation.item.create": self._item_create,
            "conversation.item.retrieve": self._item_retrieve,
            "conversation.item.delete": self._item_delete,
            "conversation.item.truncate": self._item_truncate,
            "response.create": self._response_create,
            "response.cancel": self._response_cancel,
        }

    def opened(self) -> list[Effect]:
        return [ToClient({"type": "session.created", "session": self.session.body()})]

    # --- the client ---------------------------------------------------------------------------------------------------

    def receive(self, text: str) -> list[Effect]:
        """Every fault is answered with an `error` event that names the offending event."""
        event_id = None
        try:
            message = strict_json.loads_object(text, MAX_MESSAGE_BYTES)
            event_id = message.get("event_id") if isinstance(message.get("event_id"), str) else None
            handler = self._handlers.get(str(message.get("type")))
            if handler is None:
                raise RealtimeError(
                    "unknown_or_invalid_event", f"Invalid value: {str(message.get('type'))[:80]!r}.", param="type"
                )
            return handler(message)
        except strict_json.BadJson as bad:
            return [self._error(RealtimeError("invalid_event", str(bad)), event_id)]
        except RealtimeError as error:
            return [self._error(error, event_id)]

    def _error(self, error: RealtimeError, event_id: str | None) -> ToClient:
        return ToClient({"type": "error", "error": error.body(event_id)})

    def _session_update(self, message: dict[str, Any]) -> list[Effect]:
        changes = message.get("session")
        if self.beta and isinstance(changes, dict):
            changes = session_from_beta(changes)
        before_tools = self.session.tools
        settings = self.session.update(changes)
        effects: list[Effect] = [ToSession({"type": "settings", **settings})]
        if self.session.tools != before_tools:
            effects.append(ToSession({"type": "tools", "tools": [as_tool(tool) for tool in self.session.tools]}))
        return [*effects, ToClient({"type": "session.updated", "session": self.session.body()})]

    def _append(self, message: dict[str, Any]) -> list[Effect]:
        encoded = message.get("audio")
        if not isinstance(encoded, str):
            raise RealtimeError("missing_required_parameter", "Missing required parameter: 'audio'.", param="audio")
        try:
            data = self._odd_byte + base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError):
            raise RealtimeError("invalid_value", "Invalid 'audio': expected base64.", param="audio") from None
        if len(data) > MAX_APPEND_BYTES:
            raise RealtimeError("invalid_value", f"'audio' is longer than {MAX_APPEND_BYTES} bytes.", param="audio")
        audio_format = self.session.input_format
        whole = len(data) - len(data) % audio_format.bytes_per_sample
        self._odd_byte = data[whole:]
        pcm = audio_format.decode(data[:whole])
        if not pcm:
            return []
        duration_ms = len(pcm) / 2 * 1000 / audio_format.rate_hz
        self._appended_ms += duration_ms
        self._uncommitted_ms += duration_ms
        return [Microphone(pcm)]

    def _commit(self, message: dict[str, Any]) -> list[Effect]:
        if self._uncommitted_ms < _SHORTEST_COMMIT_MS:
            raise RealtimeError(
                "input_audio_buffer_commit_empty",
                "Error committing input audio buffer: buffer too small. Expected at least 100ms of audio, but buffer only has"
                f" {self._uncommitted_ms:.2f}ms of audio.",
            )
        stopped = self._speech_stopped(self._appended_ms) if self._speech_told else []
        return [*stopped, *self._committed(), ToSession({"type": "commit", "respond": False})]

    def _clear(self, message: dict[str, Any]) -> list[Effect]:
        self._uncommitted_ms = 0.0
        self._odd_byte = b""
        return [ToSession({"type": "discard_input"}), ToClient({"type": "input_audio_buffer.cleared"})]

    def _clear_output(self, message: dict[str, Any]) -> list[Effect]:
        return [*self._close("cancelled", "client_cancelled"), ToSession({"type": "stop"})]

    def _item_create(self, message: dict[str, Any]) -> list[Effect]:
        item = parse_item(message.get("item"), self._new_id("item"))
        after = message.get("previous_item_id")
        previous = self.conversation.add(item, after=after if isinstance(after, str) else None)
        told: list[Effect] = [
            ToClient({"type": "conversation.item.added", "previous_item_id": previous, "item": item.body}),
            ToClient({"type": "conversation.item.done", "previous_item_id": previous, "item": item.body}),
        ]
        return [*self._tell_conversation(item, is_last=after is None), *told]

    def _tell_conversation(self, item: Item, *, is_last: bool) -> list[Effect]:
        kind = item.body["type"]
        if kind == "function_call":
            return []  # of an earlier conversation: only the client needs to see it again
        if kind == "function_call_output":
            answer = ToSession({"type": "tool_result", "call_id": item.body["call_id"], "output": item.body["output"]})
            if self.response is not None and self.response.request_id == self._asking_reply:
                return [answer]  # the response that was asked for waits for this one too
            self._tool_outputs.append(answer)
            return []
        if item.body["role"] != "user" or not is_last:
            return [self._rewrite_history()]
        text = ToSession({"type": "text", "text": item.text, "id": item.id, "respond": False})
        if self.response is None:
            return [text]
        self._deferred.append(text)  # in our conversation a typed message ends the reply; in the protocol it does not
        return []

    def _rewrite_history(self) -> ToSession:
        self._history_rewritten = True
        return ToSession({"type": "history", "messages": self.conversation.messages()})

    def _item_retrieve(self, message: dict[str, Any]) -> list[Effect]:
        item = self.conversation.get(message.get("item_id"))
        return [ToClient({"type": "conversation.item.retrieved", "item": item.body})]

    def _item_delete(self, message: dict[str, Any]) -> list[Effect]:
        self.conversation.remove(message.get("item_id"))
        return [self._rewrite_history(), ToClient({"type": "conversation.item.deleted", "item_id": message["item_id"]})]

    def _item_truncate(self, message: dict[str, Any]) -> list[Effect]:
        item = self.conversation.get(message.get("item_id"))
        end_ms = message.get("audio_end_ms")
        if not isinstance(end_ms, (int, float)) or isinstance(end_ms, bool) or end_ms < 0:
            raise RealtimeError("invalid_value", "'audio_end_ms' is a number of milliseconds.", param="audio_end_ms")
        if not item.has_audio or item.turn_id is None:
            raise RealtimeError(
                "unsupported_content_type", "Only model output audio messages can be truncated.", param="item_id"
            )
        # Clients compute it from their own clock and may overshoot a little.
        end_ms = min(float(end_ms), item.audio_ms)
        item.truncate(end_ms)
        truncated = {
            "type": "conversation.item.truncated",
            "item_id": item.id,
            "content_index": 0,
            "audio_end_ms": int(end_ms),
        }
        cut: list[Effect] = [ToSession({"type": "truncate", "turn_id": item.turn_id, "audio_end_ms": end_ms})]
        if self._history_rewritten:
            cut.append(self._rewrite_history())  # a history that was put there does not know which reply was which
        return [*cut, ToClient(truncated)]

    def _response_create(self, message: dict[str, Any]) -> list[Effect]:
        if self.response is not None:
            raise RealtimeError(
                "conversation_already_has_active_response",
                f"Conversation already has an active response in progress: {self.response.id}. Wait until the response is finished"
                " before creating a new one.",
                param="response.create",
            )
        wanted = message.get("response") or {}
        if not isinstance(wanted, dict):
            raise RealtimeError("invalid_value", "'response' is an object.", param="response")
        if wanted.get("conversation") == "none":
            raise RealtimeError(
                "unsupported_value",
                "response.create: responses outside the conversation are not served here.",
                param="response.conversation",
            )
        metadata = wanted.get("metadata") if isinstance(wanted.get("metadata"), dict) else None
        outputs, self._tool_outputs = self._tool_outputs, []
        going_on = bool(outputs and self._asking_reply)
        self.response = Response(
            self._new_id, self.session, self.conversation, metadata, self._asking_reply if going_on else None
        )
        told: list[Effect] = [*(ToClient(event) for event in self.response.created()), *outputs]
        if going_on:
            return told
        create: dict[str, Any] = {"type": "create_response", "request_id": self.response.request_id}
        if isinstance(wanted.get("instructions"), str) and wanted["instructions"]:
            create["instructions"] = wanted["instructions"]
        return [*told, ToSession(create)]

    def _response_cancel(self, message: dict[str, Any]) -> list[Effect]:
        asked, told = message.get("response_id"), []
        if self.response is None and asked is None and self._state == "thinking":
            # The answer is on its way, though nothing of it has been said.
            self.response = Response(self._new_id, self.session, self.conversation)
            told = [ToClient(event) for event in self.response.created()]
        if self.response is None or (asked is not None and asked != self.response.id):
            raise RealtimeError("response_cancel_not_active", "Cancellation failed: no active response found")
        return [*told, ToSession({"type": "cancel_response"}), *self._close("cancelled", "client_cancelled")]

    # --- what the other side knows ------------------------------------------------------------------------------------

    def _speech_stopped(self, end_ms: float) -> list[Effect]:
        raise NotImplementedError

    def _committed(self) -> list[Effect]:
        raise NotImplementedError

    def _close(self, status: str, reason: str | None = None, error: dict[str, Any] | None = None) -> list[Effect]:
        raise NotImplementedError
