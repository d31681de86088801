"""The conversation as the client sees it: items in order, each with an id."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from stream_talk.wire.realtime.errors import RealtimeError

_ROLES = ("user", "assistant", "system")
_TEXT_PARTS = ("input_text", "output_text", "text")
MAX_ITEM_ID_CHARS = 64
MAX_TEXT_CHARS = 100_000


@dataclass(slots=True)
class Item:
    """`turn_id` ties it to our conversation; `audio_ms` and `word_times` let its transcript be cut where the person stopped hearing."""

    id: str
    body: dict[str, Any]
    turn_id: int | None = None
    audio_ms: float = 0.0
    has_audio: bool = False
    heard: str | None = None
    """What was heard of a reply that broke off; the client goes on seeing all that it was sent, until it truncates."""
    word_ends: list[tuple[str, float]] = field(default_factory=list)

    @property
    def remembered(self) -> str:
        return self.text if self.heard is None else self.heard

    @property
    def text(self) -> str:
        parts = self.body.get("content", [])
        return "".join(str(part.get("text") or part.get("transcript") or "") for part in parts)

    def truncate(self, audio_end_ms: float) -> None:
        """Keep what was heard: whole words where their times are known, else in proportion."""
        part = self.body["content"][0]
        transcript = str(part.get("transcript") or "")
        if self.word_ends:
            end = 0
            for word in (word for word, end_ms in self.word_ends if end_ms <= audio_end_ms):
                found = transcript.find(word, end)
                end = found + len(word) if found >= 0 else end
        else:
            share = min(1.0, audio_end_ms / self.audio_ms) if self.audio_ms else 0.0
            end = round(share * len(transcript))
        part["transcript"] = transcript[:end]
        self.heard = None
        self.audio_ms = min(self.audio_ms, audio_end_ms)


class Conversation:
    def __init__(self, conversation_id: str) -> None:
        self.id = conversation_id
        self._items: dict[str, Item] = {}

    def add(self, item: Item, *, after: str | None = None) -> str | None:
        """Returns the id of the item before it. `after`: None appends, "root" puts first."""
        if item.id in self._items:
            raise RealtimeError("invalid_value", f"Item {item.id} exists already.", param="item.id")
        if after is None:
            previous = next(reversed(self._items), None)
            self._items[item.id] = item
            return previous
        if after != "root":
            self.get(after, "previous_item_id")
        ordered = list(self._items.values())
        position = 0 if after == "root" else [i.id for i in ordered].index(after) + 1
        ordered.insert(position, item)
        self._items = {i.id: i for i in ordered}
        return None if after == "root" else after

    def find(self, item_id: str) -> Item | None:
        return self._items.get(item_id)

    def get(self, item_id: Any, param: str = "item_id") -> Item:
        item = self._items.get(item_id) if isinstance(item_id, str) else None
        if item is None:
            raise RealtimeError(
                "item_not_found", f"Item with id {str(item_id)[:MAX_ITEM_ID_CHARS]!r} does not exist.", param=param
            )
        return item

    def before(self, item: Item) -> str | None:
        """The id of the item before this one; None for the first, and for one that was deleted."""
        ids = list(self._items)
        position = ids.index(item.id) if item.id in self._items else 0
        return ids[position - 1] if position else None

    def remove(self, item_id: Any) -> None:
        del self._items[self.get(item_id).id]

    def messages(self) -> list[dict[str, str]]:
        """As `client_event{history}` wants it."""
        spoken = (i for i in self._items.values() if i.body["type"] == "message" and i.remembered)
        return [{"role": i.body["role"], "content": i.remembered} for i in spoken]

    def reply_of(self, turn_id: int) -> Item | None:
        """The newest message of the assistant in that turn."""
        return self._newest("assistant", turn_id)

    def typed_in_turn(self, text: str, turn_id: int) -> None:
        """That text of the client has become this turn."""
        own = (i for i in reversed(self._items.values()) if i.turn_id is None and i.body.get("role") == "user")
        typed = next((i for i in own if i.text == text), None)
        if typed is not None:
            typed.turn_id = turn_id

    def question_of(self, turn_id: int) -> Item | None:
        return self._newest("user", turn_id)

    def _newest(self, role: str, turn_id: int) -> Item | None:
        turn = (i for i in reversed(self._items.values()) if i.turn_id == turn_id)
        return next((i for i in turn if i.body.get("role") == role), None)


def parse_item(raw: Any, new_id: str) -> Item:
    """An item that the client made."""
    if not isinstance(raw, dict):
        raise RealtimeError("missing_required_parameter", "item is an object.", param="item")
    item_id = raw.get("id") or new_id
    if not isinstance(item_id, str) or len(item_id) > MAX_ITEM_ID_CHARS:
        raise RealtimeError(
            "invalid_value", f"item.id is a text of at most {MAX_ITEM_ID_CHARS} characters.", param="item.id"
        )
    base = {"id": item_id, "object": "realtime.item", "status": "completed"}
    kind = raw.get("type")
    if kind == "function_call_output":
        if not isinstance(raw.get("call_id"), str) or not isinstance(raw.get("output"), str):
            raise RealtimeError("missing_required_parameter", "call_id and output are texts.", param="item.call_id")
        return Item(
            item_id, {**base, "type": kind, "call_id": raw["call_id"], "output": raw["output"][:MAX_TEXT_CHARS]}
        )
    if kind == "function_call":
        if not all(isinstance(raw.get(key), str) for key in ("call_id", "name", "arguments")):
            raise RealtimeError(
                "missing_required_parameter", "call_id, name and arguments are texts.", param="item.call_id"
            )
        return Item(item_id, {**base, "type": kind, **{key: raw[key] for key in ("call_id", "name", "arguments")}})
    if kind != "message" or raw.get("role") not in _ROLES:
        raise RealtimeError(
            "invalid_value",
            "item.type is message with a role, function_call or function_call_output.",
            param="item.type",
        )
    content = raw.get("content")
    if not isinstance(content, list) or not content:
        raise RealtimeError("missing_required_parameter", "item.content is a list of parts.", param="item.content")
    part_type = "output_text" if raw["role"] == "assistant" else "input_text"
    parts = [{"type": part_type, "text": _part_text(part)} for part in content]
    return Item(item_id, {**base, "type": "message", "role": raw["role"], "content": parts})


def _part_text(part: Any) -> str:
    if not isinstance(part, dict) or part.get("type") not in _TEXT_PARTS or not isinstance(part.get("text"), str):
        raise RealtimeError(
            "invalid_value",
            "Only text parts can be added; send speech with input_audio_buffer.append.",
            param="item.content",
        )
    return str(part["text"])[:MAX_TEXT_CHARS]
