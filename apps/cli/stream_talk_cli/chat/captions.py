"""Live captions in a terminal: lines that change while somebody speaks, and stand when they are done.

Where the output is not a terminal, only finished lines are written.
"""

from __future__ import annotations

import shutil
import unicodedata
from typing import Any, TextIO

CLEAR = "\r\x1b[2K"
DIM, STRUCK, YOURS, ITS, PLAIN = "\x1b[2m", "\x1b[9m", "\x1b[36m", "\x1b[33m", "\x1b[0m"
# TEN's and our stages in the words of a person who waits.
STAGES = {"endpoint": "end of turn", "first_token": "model", "first_audio": "voice", "playout": "line and device"}


class Captions:
    def __init__(self, out: TextIO, *, is_terminal: bool) -> None:
        self._out = out
        self._live = is_terminal
        self._open = ""
        self._replies: dict[int, str] = {}
        self._shown_turns: set[int] = set()

    def show(self, message: dict[str, Any]) -> None:
        handler = getattr(self, f"_on_{message['type']}", None)
        if handler is not None:
            handler(message)

    def line(self, text: str) -> None:
        """Something that is neither side's: a notice, or what became of the line."""
        self._finish(self._style(DIM, text))

    def prompt_ended(self) -> None:
        """The person pressed Enter: the terminal is on a new line already."""
        self._open = ""

    def _on_user_text(self, message: dict[str, Any]) -> None:
        text = clean(str(message.get("text", "")))
        if message.get("source") == "typed":
            return  # they see what they typed
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
        lost = self._style(STRUCK, unheard) if self._live else f"[not heard: {unheard}]"
        self._finish(f"{self._style(ITS, 'it')}   {heard}{f' {lost}' if unheard else ''}")

    def _on_turn(self, message: dict[str, Any]) -> None:
        trace = message.get("trace") or {}
        total = trace.get("ttfa_ms")
        if total is None:
            return
        lengths = {span["name"]: span["end_ms"] - span["start_ms"] for span in trace.get("spans", [])}
        parts = [f"{label} {lengths[name]:.0f}" for name, label in STAGES.items() if name in lengths]
        self._finish(
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
        """Rewrite the open line. A line that would wrap cannot be taken back, so only its end is shown."""
        if not self._live:
            return
        room = shutil.get_terminal_size().columns - 1
        shown = styled if width(plain) <= room else f"{plain[:5]}…{tail(plain[5:], room - 6)}"
        self._out.write(CLEAR + shown)
        self._out.flush()
        self._open = shown

    def _finish(self, text: str) -> None:
        self._out.write((CLEAR if self._live and self._open else "") + text + "\n")
        self._out.flush()
        self._open = ""

    def _style(self, style: str, text: str) -> str:
        return f"{style}{text}{PLAIN}" if self._live and text else text


def clean(text: str) -> str:
    """No control characters: a transcript must not drive the terminal."""
    return "".join(c if unicodedata.category(c)[0] != "C" or c == " " else " " for c in text).strip()


def width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def tail(text: str, room: int) -> str:
    while text and width(text) > room:
        text = text[1:]
    return text
