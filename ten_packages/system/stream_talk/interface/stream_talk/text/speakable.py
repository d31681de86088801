"""What of a shown text is spoken: a filter that works while the text streams in, character by character.

Kept out of the voice: `<think>...</think>` and its kin, code blocks, table rows, markdown marks, link targets, tags, emoji. Of a
web address only the host is spoken. What only looks like markup stays: `5 * 3`, `x<y and y>z`. A construct may be split across tokens
anywhere. Nothing is held back but the few characters that could still turn out to be a mark.

Every spoken character knows where it stands in the shown text (`source`), so that "what was heard" can be marked there.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Callable

from stream_talk.text.emoji import is_drawn
from stream_talk.text.units import is_cjk

_HIDDEN_TAGS = frozenset(("think", "thinking", "thought", "reasoning", "scratchpad", "tool_call"))
_URL_PREFIXES = ("http://", "https://", "www.")
_URL_ENDS = frozenset(" \t\r\n<>\"'`|)]}")
_URL_TRAILING = frozenset(".,!?;:")
_LINE_MARKS = frozenset("#>-*+=~_ \t")
# Taken in one piece. Not a word that may become an address: one that begins with ht or ww, or of which we know only the h or w.
_PLAIN = re.compile(r"(?:(?<=[A-Za-z0-9])[A-Za-z0-9]|h(?=[^t])|w(?=[^w])|[a-gi-vx-zA-Z0-9 ,.!?;:'])+")
_MAX_TAG_CHARS = 120
_FENCE = 3
_ATTRIBUTES = re.compile(r"<[A-Za-z][\w:.-]*\s*(?:[^>]*=[^>]*|/)?>")
_HTML_NAMES = frozenset(
    """a b i u s q p em strong small mark del ins sub sup code pre kbd br hr span div ul ol li dl dt dd table thead tbody tr th td
    h1 h2 h3 h4 h5 h6 img blockquote details summary center font speak break prosody emphasis""".split()
)

_State = Callable[[str, int], None]


class SpeakableFilter:
    """`feed` shown text, get spoken text. `source[i]` is the position in the shown text of spoken character i."""

    def __init__(self, *, starts_in_reasoning: bool = False) -> None:
        self.source: array[int] = array("L")
        self._position = 0
        self._out: list[str] = []
        self._held: list[tuple[str, int]] = []
        self._last = "\n"  # last character that was spoken or that stood in its place
        self._ticks = 0
        self._fence = "`"  # the sign that ends the code block
        self._line_start = True
        self._hidden_tag = "think"
        self._url_path = False
        self._open_parentheses = 0
        self._state: _State = self._in_hidden if starts_in_reasoning else self._in_text

    def feed(self, text: str) -> str:
        i, end = 0, len(text)
        while i < end:
            if self._state == self._in_text and not self._line_start:
                plain = _PLAIN.match(text, i)
                if plain is not None:
                    self._emit_run(plain.group(), self._position)
                    self._position += plain.end() - i
                    i = plain.end()
                    continue
            self._state(text[i], self._position)
            self._position += 1
            i += 1
        return self._take()

    def finish(self) -> str:
        """The text is complete: what was held back because it might have become a mark is text after all."""
        if self._state == self._in_url:
            self._end_url()
        elif self._state in (self._in_line_marks, self._in_text, self._in_maybe_url):
            self._release()
        self._held.clear()
        self._state = self._in_text
        self._line_start = True
        return self._take()

    # --- states -----------------------------------------------------------------------------------------------------

    def _in_text(self, char: str, at: int) -> None:
        if char == "`":
            self._count_tick()
            return
        self._ticks = 0
        if self._line_start:
            self._begin_line(char, at)
        elif char == "<":
            self._hold(char, at, self._in_tag)
        elif char == "*":
            self._hold(char, at, self._in_stars)
        elif char in "hw" and not (self._last.isascii() and self._last.isalnum()):
            self._hold(char, at, self._in_maybe_url)
        elif char == "(" and self._last == "]":
            self._open_parentheses = 1
            self._state = self._in_target
        else:
            self._speak_plain(char, at)

    def _speak_plain(self, char: str, at: int) -> None:
        """A character that starts nothing: spoken, or dropped because it is only a mark."""
        if char == "\n":
            self._line_start = True
            self._emit(char, at)
        elif char in "_|":
            # Inside a word it separates (snake_case, a | b); around a word it is emphasis.
            if self._last.isalnum() or char == "|":
                self._emit(" ", at)
        elif char in "*~" or is_drawn(char):
            return
        elif char in "[]":
            if char == "[" and self._last.isalnum():
                self._emit(" ", at)  # "as shown[1]"
            self._last = char
        else:
            self._emit(char, at)

    def _begin_line(self, char: str, at: int) -> None:
        if char == "|":
            self._state = self._in_skipped_line
        elif char in _LINE_MARKS:
            self._hold(char, at, self._in_line_marks)
        elif char == "\n":
            self._emit(char, at)
        else:
            self._line_start = False
            self._in_text(char, at)

    def _in_line_marks(self, char: str, at: int) -> None:
        """Headings, bullets, quotes and rules, as long as nothing else stands in the line."""
        if char in _LINE_MARKS:
            self._held.append((char, at))
            return
        marks = "".join(held for held, _ in self._held)
        if marks.strip().startswith("~~~"):
            self._fence = "~"
            self._state = self._in_fence
            return
        # "-5" and "#1" mean something; "- item", "# title" and "**bold" do not.
        if marks.strip() in ("-", "+", "#") and char.isalnum() and not marks[-1].isspace():
            self._held = [(c, i) for c, i in self._held if not c.isspace()]
            self._release()
        self._held.clear()
        self._state = self._in_text
        if char == "|":
            self._state = self._in_skipped_line
            return
        self._line_start = char == "\n"
        if char == "\n":
            self._emit(char, at)
        else:
            self._in_text(char, at)

    def _in_skipped_line(self, char: str, at: int) -> None:
        if char == "\n":
            self._emit(char, at)
            self._line_start = True
            self._state = self._in_text

    def _in_fence(self, char: str, at: int) -> None:
        self._ticks = self._ticks + 1 if char == self._fence else 0
        if self._ticks == _FENCE:
            self._ticks = 0
            self._emit("\n", at)
            self._state = self._in_text

    def _in_tag(self, char: str, at: int) -> None:
        """After `<`: a tag, or just the sign for "less than"."""
        self._held.append((char, at))
        if len(self._held) == 2 and not (char.isalpha() or char in "/!|"):
            self._state = self._in_text
            self._held.pop()
            self._release()
            self._in_text(char, at)
        elif char == ">":
            self._state = self._in_text
            self._end_tag()
        elif len(self._held) > _MAX_TAG_CHARS or char == "\n":
            self._state = self._in_text
            self._release()

    def _end_tag(self) -> None:
        raw = "".join(held for held, _ in self._held).lower()
        tag = raw.strip("<>").strip()
        name = tag.split()[0].strip("/") if tag.split() else ""
        known = name in _HIDDEN_TAGS or name in _HTML_NAMES
        if raw[1].isalpha() and not (_ATTRIBUTES.fullmatch(raw) and (known or not self._last.isalnum())):
            self._release()  # x<y and y>z, list<int>
            return
        self._held.clear()
        if name in _HIDDEN_TAGS and not tag.startswith("/") and not tag.endswith("/"):
            self._hidden_tag = name
            self._state = self._in_hidden

    def _in_stars(self, char: str, at: int) -> None:
        """Emphasis stands at a word; a sign of multiplication between spaces or between numbers."""
        if char == "*":
            self._held.append((char, at))
            return
        between_spaces = self._last == " " and char == " "
        between_numbers = (self._last.isdigit() or self._last == ")") and (char.isdigit() or char == "(")
        held, self._held = self._held, []
        self._state = self._in_text
        if between_spaces or between_numbers:
            for star, position in held:
                self._emit("×" if len(held) == 1 else star, position)  # voices read × as "times", * as "asterisk"
        self._in_text(char, at)

    def _in_hidden(self, char: str, at: int) -> None:
        """Inside reasoning: everything is dropped until the closing tag."""
        if char == "<":
            self._held.clear()
        self._held.append((char, at))
        if char != ">":
            if len(self._held) > _MAX_TAG_CHARS:
                self._held.clear()
            return
        tag = "".join(held for held, _ in self._held).replace(" ", "").lower()
        self._held.clear()
        if tag.endswith(f"</{self._hidden_tag}>"):
            self._state = self._in_text
            self._line_start = True

    def _in_target(self, char: str, at: int) -> None:
        """The address of a link, behind its text."""
        self._open_parentheses += (char == "(") - (char == ")")
        if char == "\n" or not self._open_parentheses:
            self._last = char
            self._state = self._in_text

    def _in_maybe_url(self, char: str, at: int) -> None:
        candidate = "".join(held for held, _ in self._held) + char
        if any(prefix.startswith(candidate.lower()) for prefix in _URL_PREFIXES):
            self._held.append((char, at))
            if candidate.lower() in _URL_PREFIXES:
                self._held = []
                self._url_path = False
                self._state = self._in_url
            return
        self._state = self._in_text
        self._release()
        self._in_text(char, at)

    def _in_url(self, char: str, at: int) -> None:
        """Host characters are held until the host is complete; the path is dropped."""
        if char in _URL_ENDS or is_cjk(char) or not (char.isascii() and char.isprintable()):
            self._end_url()
            self._in_text(char, at)
        elif self._url_path:
            # Only the last character matters: a full stop behind the address belongs to the sentence.
            self._held = [*self._host(), (char, at)]
        elif char in "/?#:" and not (char in _URL_TRAILING and char != ":" and char != "?"):
            self._url_path = True
            self._held = [*self._held, ("", at), (char, at)]
        else:
            self._held.append((char, at))

    def _host(self) -> list[tuple[str, int]]:
        """The held host, with the empty mark that separates it from the path."""
        end = next(i for i, (char, _) in enumerate(self._held) if not char)
        return self._held[: end + 1]

    def _end_url(self) -> None:
        held = self._held
        self._state = self._in_text
        host = self._host()[:-1] if self._url_path else held
        trailing = [held[-1]] if self._url_path and held and held[-1][0] in _URL_TRAILING else []
        if "".join(char for char, _ in host[:4]).lower() == "www.":
            host = host[4:]
        self._held = []
        for char, at in [*host, *trailing]:
            self._emit(char, at)

    # --- output -----------------------------------------------------------------------------------------------------

    def _count_tick(self) -> None:
        self._ticks += 1
        self._line_start = False
        if self._ticks == _FENCE:
            self._ticks = 0
            self._fence = "`"
            self._state = self._in_fence

    def _hold(self, char: str, at: int, state: _State) -> None:
        self._held = [(char, at)]
        self._state = state

    def _release(self) -> None:
        held, self._held = self._held, []
        for char, at in held:
            self._speak_plain(char, at)

    def _emit(self, char: str, at: int) -> None:
        self._out.append(char)
        self.source.append(at)
        self._last = char

    def _emit_run(self, run: str, at: int) -> None:
        self._ticks = 0
        self._out.append(run)
        self.source.extend(range(at, at + len(run)))
        self._last = run[-1]

    def _take(self) -> str:
        spoken = "".join(self._out)
        self._out.clear()
        return spoken


def speakable(text: str) -> str:
    """The spoken part of a finished text."""
    filter_ = SpeakableFilter()
    return filter_.feed(text) + filter_.finish()
