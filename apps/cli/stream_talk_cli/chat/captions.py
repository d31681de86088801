"""Live captions in a terminal: lines that change while somebody speaks, and stand when they are done.

Where the output is not a terminal, only finished lines are written.
"""

from __future__ import annotations

import unicodedata
from typing import Any, TextIO

from stream_talk_cli.chat.screen import DIM, PLAIN, Screen, tail, width

STRUCK, YOURS, ITS = "\x1b[9m", "\x1b[36m", "\x1b[33m"
STATES = {
    "listening": "listening",
    "hearing": "hearing you",
    "thinking": "thinking",
    "speaking": "speaking",
    "paused": "go on",
}
# TEN's and our stages in the words of a person who waits.
STAGES = {"endpoint": "end of turn", "first_token": "model", "first_audio": "voice", "playout": "line and device"}


class Captions:
    def __init__(self, out: TextIO, *, is_terminal: bool) -> None:
        self._out = out
        self.screen = Screen(out) if is_terminal else None
        self._replies: dict[int, str] = {}
        self._shown_turns: set[int] = set()

    def show(self, message: dict[str, Any]) -> None:
        handler = getattr(self, f"_on_{message['type']}", None)
        if handler is not None:
            handler(message)

    def line(self, text: str) -> None:
        """Something that is neither side's: a notice, or what became of the line."""
        for row in text.splitlines():
            self._insert(self._style(DIM, row))

    def entered(self, line: str) -> None:
        """The person pressed Enter. At our own prompt nothing has echoed what they typed."""
        if self.screen is None:
            return
        if not self.screen.has_prompt:
            self.screen.moved_on()
        elif line.startswith("/"):
            self.line(clean(line))
        elif line:
            self._insert(f"{self._style(YOURS, 'you')}  {clean(line)}")

    def _on_state(self, message: dict[str, Any]) -> None:
        if self.screen is not None:
            self.screen.state(STATES.get(str(message.get("state")), ""))

    def _on_user_text(self, message: dict[str, Any]) -> None:
        text = clean(str(message.get("text", "")))
        if message.get("source") == "typed":
            return  # they have seen what they typed
        if message.get("final"):
            self._finish(f"{self._style(YOURS, 'you')}  {text}")
        else:
            self._update(f"{self._style(YOURS, 'you')}  {self._style(DIM, text)}", f"you  {text}")

    def _on_assistant_text(self, message: dict[str, Any]) -> None:
        if message.get("reasoning"):
            return
        turn = int(message.get("turn_id", 0))
        text = clean(str(message.get("text") or self._replies.get(turn, "") + str(message.get("delta", ""))))
        self._replies[turn] = text
        self._update(f"{self._style(ITS, 'it')}   {text}", f"it   {text}")

    def _on_heard(self, message: dict[str, Any]) -> None:
        """The reply is over: what was heard stands, what was not is struck out."""
        heard = clean(str(message.get("heard_text", "")))
        unheard = clean(str(message.get("unheard_text", ""))) if message.get("interrupted") else ""
        self._replies.pop(int(message.get("turn_id", 0)), None)
        if not heard and not unheard:
            return
        lost = self._style(STRUCK, unheard) if self.screen is not None else f"[not heard: {unheard}]"
        self._finish(f"{self._style(ITS, 'it')}   {heard}{f' {lost}' if unheard else ''}")

    def _on_turn(self, message: dict[str, Any]) -> None:
        trace = message.get("trace") or {}
        total = trace.get("ttfa_ms")
        if total is None:
            return
        lengths = {span["name"]: span["end_ms"] - span["start_ms"] for span in trace.get("spans", [])}
        parts = [f"{label} {lengths[name]:.0f}" for name, label in STAGES.items() if name in lengths]
        self._insert(
            self._style(DIM, f"     {total:.0f} ms to the first sound" + (f": {' · '.join(parts)}" if parts else ""))
        )

    def _on_notice(self, message: dict[str, Any]) -> None:
        self.line(clean(str(message.get("text", ""))))

    def _on_error(self, message: dict[str, Any]) -> None:
        if message.get("text") or message.get("message"):
            self.line(clean(str(message.get("text") or message.get("message"))))

    def _on_tool(self, message: dict[str, Any]) -> None:
        if message.get("state") in ("running", "done"):
            self.line(f"({clean(str(message.get('name', 'a tool')))}: {message['state']})")

    def _on_graph(self, message: dict[str, Any]) -> None:
        self.line(
            f"graph {clean(str(message.get('name', '')))}: {message.get('state')} {message.get('reason') or ''}".rstrip()
        )

    def _update(self, styled: str, plain: str) -> None:
        """Rewrite the live caption. A row that would wrap cannot be taken back, so only its end is shown."""
        if self.screen is None:
            return
        room = self.screen.room()
        self.screen.caption(styled if width(plain) <= room else f"{plain[:5]}…{tail(plain[5:], room - 6)}")

    def _finish(self, text: str) -> None:
        if self.screen is not None:
            self.screen.stand(text)
        else:
            self._write(text)

    def _insert(self, text: str) -> None:
        if self.screen is not None:
            self.screen.insert(text)
        else:
            self._write(text)

    def _write(self, text: str) -> None:
        self._out.write(text + "\n")
        self._out.flush()

    def _style(self, style: str, text: str) -> str:
        return f"{style}{text}{PLAIN}" if self.screen is not None and text else text


def clean(text: str) -> str:
    """No control characters: a transcript must not drive the terminal."""
    return "".join(c if unicodedata.category(c)[0] != "C" or c == " " else " " for c in text).strip()
