"""Splits a model's stream into what it says and what it thinks, however the tags are cut into pieces."""

from __future__ import annotations

from collections.abc import Iterator

from stream_talk.engines.interfaces import TextDelta

_TAGS = {
    "<think>": True,
    "</think>": False,
    "<thinking>": True,
    "</thinking>": False,
    "<reasoning>": True,
    "</reasoning>": False,
}
_LONGEST_TAG = max(map(len, _TAGS))


class ReasoningSplitter:
    """Feed pieces of text, get `TextDelta`s with `reasoning` set; a tag itself is never handed out.

    Some chat templates open the thinking part inside the prompt, so that the reply begins in the middle of it: `starts_inside`.
    """

    def __init__(self, *, starts_inside: bool = False) -> None:
        self._inside = starts_inside
        self._held = ""
        self._began = False

    def feed(self, text: str) -> Iterator[TextDelta]:
        self._held += text
        while self._held:
            opening = self._held.find("<")
            if opening < 0:
                yield from self._give(len(self._held))
                return
            yield from self._give(opening)
            tag = next((tag for tag in _TAGS if self._held.lower().startswith(tag)), None)
            if tag is not None:
                self._held = self._held[len(tag) :]
                self._inside = _TAGS[tag]
                self._began = False
            elif self._may_become_tag():
                return
            else:
                yield from self._give(1)

    def finish(self) -> Iterator[TextDelta]:
        """The stream is over: what looked like the start of a tag was text."""
        yield from self._give(len(self._held))

    def _may_become_tag(self) -> bool:
        start = self._held.lower()
        return len(start) < _LONGEST_TAG and any(tag.startswith(start) for tag in _TAGS)

    def _give(self, length: int) -> Iterator[TextDelta]:
        text, self._held = self._held[:length], self._held[length:]
        if not self._began:
            # Models put empty lines around their thinking; nobody wants to hear or show them.
            text = text.lstrip("\r\n") if self._inside else text.lstrip()
            self._began = bool(text)
        if text:
            yield TextDelta(text, reasoning=self._inside)
