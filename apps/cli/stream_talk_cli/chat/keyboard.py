"""Lines from the keyboard, without holding up the loop, and without keeping the program from ending."""

from __future__ import annotations

import asyncio
import codecs
import os
import threading
from collections.abc import AsyncIterator
from typing import TextIO

from stream_talk_cli.chat.line_editor import Ended, LineEditor
from stream_talk_cli.chat.screen import Screen


def lines_from(stream: TextIO, screen: Screen | None) -> AsyncIterator[str]:
    """Typed at a prompt that live captions leave alone, where there is a terminal that can; otherwise as they come."""
    if screen is not None and stream.isatty() and _can_edit():
        return edited_lines(stream, screen)
    return lines_of(stream)


def _can_edit() -> bool:
    try:
        import termios  # noqa: F401
    except ImportError:  # Windows: its console edits lines itself
        return False
    return True


async def edited_lines(stream: TextIO, screen: Screen) -> AsyncIterator[str]:
    """Key by key: the terminal neither echoes nor edits, and is what it was before when this ends."""
    import termios
    import tty

    fd = stream.fileno()
    loop = asyncio.get_running_loop()
    queue: asyncio.Queue[str | None] = asyncio.Queue()
    editor = LineEditor()
    decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def readable() -> None:
        data = os.read(fd, 4096)
        try:
            lines = editor.feed(decoder.decode(data))
        except Ended:
            lines = []
            data = b""
        for line in lines:
            queue.put_nowait(line)
        if data:
            screen.typing(editor.before, editor.after)
        else:
            loop.remove_reader(fd)
            queue.put_nowait(None)

    before = termios.tcgetattr(fd)
    tty.setcbreak(fd)
    try:
        screen.typing("")
        loop.add_reader(fd, readable)
        while (line := await queue.get()) is not None:
            yield line
    finally:
        loop.remove_reader(fd)
        termios.tcsetattr(fd, termios.TCSADRAIN, before)
        screen.end_typing()


async def lines_of(stream: TextIO) -> AsyncIterator[str]:
    """A thread waits for the person; as a daemon it does not keep the program alive when the server has gone."""
    loop = asyncio.get_running_loop()
    queue: asyncio.Queue[str | None] = asyncio.Queue()

    def deliver(line: str | None) -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(queue.put_nowait, line)

    def read() -> None:
        for line in stream:
            deliver(line)
        deliver(None)

    threading.Thread(target=read, name="keyboard", daemon=True).start()
    while (line := await queue.get()) is not None:
        yield line
