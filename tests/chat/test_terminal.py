"""What a person sees: captions that change above the line they are typing, and never through it."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from stream_talk_cli.chat.captions import Captions
from stream_talk_cli.chat.line_editor import Ended, LineEditor
from stream_talk_cli.commands import chat

from tests.browser.chromium import until
from tests.browser.fake_gateway import FakeGateway
from tests.chat.terminal import Terminal

ROOT = Path(__file__).resolve().parents[2]
COLUMNS = 40


@pytest.fixture
def gateway() -> Iterator[FakeGateway]:
    server = FakeGateway()
    yield server
    server.stop()


def fed(*typed: str) -> tuple[LineEditor, list[str]]:
    editor = LineEditor()
    return editor, [line for keys in typed for line in editor.feed(keys)]


def test_a_line_is_typed_corrected_and_sent() -> None:
    editor, lines = fed("hellp", "\x7f", "o", " wrld", "\x1b[D\x1b[D\x1b[D", "o", "\r")
    assert lines == ["hello world"]
    assert (editor.text, editor.cursor) == ("", 0)


def test_words_and_lines_are_taken_back_and_called_back() -> None:
    editor, lines = fed("one two", "\x17", "2\n", "你好\r", "\x1b[A", "\x1b[A", "\x1b[B")
    assert lines == ["one 2", "你好"] and editor.text == "你好"
    assert editor.feed("\x15bye\n") == ["bye"]


def test_a_sequence_may_come_in_pieces_and_what_is_unknown_is_ignored() -> None:
    editor, lines = fed("ab", "\x1b[", "D", "\x1b[5~", "\x00", "x\r")
    assert lines == ["axb"] and editor.text == ""


def test_escape_and_enter_alone_mean_be_quiet_and_the_end_is_the_end() -> None:
    editor, lines = fed("\x1b", "\r")
    assert lines == ["", ""]
    editor.feed("not empty\x04")
    assert editor.text == "not empty"
    editor.feed("\x15")
    with pytest.raises(Ended):
        editor.feed("\x04")


def shown(*steps: object) -> list[str]:
    out = io.StringIO()
    captions = Captions(out, is_terminal=True)
    assert captions.screen is not None
    for step in steps:
        if isinstance(step, dict):
            captions.show(step)
        elif isinstance(step, tuple):
            captions.screen.typing(*step)
        else:
            captions.entered(str(step))
    terminal = Terminal(COLUMNS)
    terminal.feed(out.getvalue())
    return [line for line in terminal.lines if line]


LONG = "The sea never answered, but it listened to every word that was said."


@pytest.fixture(autouse=True)
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(COLUMNS))


def reply(text: str) -> dict[str, object]:
    return {"type": "assistant_text", "turn_id": 1, "text": text}


def test_a_caption_grows_above_the_prompt_and_stands_when_it_is_done() -> None:
    growing = [reply(LONG[: 10 * n]) for n in range(1, 8)]
    assert shown(("what ti",), *growing) == ["it   …ened to every word that was said.", "› what ti"]
    done = {"type": "heard", "turn_id": 1, "heard_text": LONG}
    lines = shown(("what ti",), *growing, done)
    assert lines == ["it   The sea never answered, but it list", "ened to every word that was said.", "› what ti"]


def test_what_was_typed_stands_above_a_caption_that_goes_on() -> None:
    lines = shown(("",), reply("Once there"), ("go on",), ("",), "go on", reply("Once there was"))
    assert lines == ["you  go on", "it   Once there was", "›"]


def test_the_prompt_tells_the_state_and_shows_the_end_of_a_long_line() -> None:
    typed = "a line that is longer than the terminal is wide"
    lines = shown(("",), {"type": "state", "state": "speaking"}, (typed,))
    assert lines == [f"speaking › {typed[-28:]}"]
    assert shown(("你好世界", "再见")) == ["› 你好世界再见"]


def test_the_default_address_is_where_the_server_listens() -> None:
    from ten_packages.extension.gateway_python.config import GatewayConfig

    assert f"http://127.0.0.1:{GatewayConfig().port}" == chat.DEFAULT_URL


@pytest.mark.skipif(os.name == "nt", reason="a terminal of Unix")
def test_in_a_real_terminal_keys_are_captions_and_ctrl_c_says_goodbye(gateway: FakeGateway) -> None:
    import pty
    import threading

    main, far = pty.openpty()
    terminal = Terminal(COLUMNS)
    command = [sys.executable, "-m", "stream_talk_cli.main", "chat", "--text", "--url", gateway.url]
    process = subprocess.Popen(command, cwd=ROOT, stdin=far, stdout=far, stderr=far, start_new_session=True)
    os.close(far)

    def read() -> None:
        while data := _read(main):
            terminal.feed(data.decode())

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    until(lambda: gateway.of_type("hello"), timeout_s=30)
    until(lambda: any("/help" in line for line in terminal.lines))
    os.write(main, "what  你".encode() + b"\x7f\x7ftime\r")
    assert until(lambda: gateway.of_type("text"))[0]["text"] == "what time"
    gateway.say(
        "assistant_text", turn_id=1, generation=1, request_id="r1", text="It is four.", final=True, reasoning=False
    )
    until(lambda: "it   It is four." in terminal.lines)
    assert "you  what time" in terminal.lines
    gateway.say(
        "assistant_text", turn_id=2, generation=2, request_id="r2", text="And then", final=False, reasoning=False
    )
    until(lambda: "it   And then" in terminal.lines)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=20) == 130
    until(lambda: gateway.of_type("bye"))
    reader.join(timeout=5)
    os.close(main)
    assert terminal.lines[-2:] == ["it   And then", ""], "what was said stays, and the shell goes on below it"


def _read(fd: int) -> bytes:
    try:
        return os.read(fd, 4096)
    except OSError:  # the other end is gone
        return b""
