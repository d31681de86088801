"""`stream-talk chat` against a server that says exactly what each test wants said."""

from __future__ import annotations

import asyncio
import io
import sys
import threading
import types
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import numpy as np
import pytest
from stream_talk_cli.chat.captions import Captions, clean
from stream_talk_cli.chat.conversation import ChatConversation
from stream_talk_cli.chat.protocol import Microphone, Talk, backoff_ms
from stream_talk_cli.chat.screen import tail, width
from stream_talk_cli.chat.sound import GivePcm, Loudspeaker, MachineSound, TakePcm
from stream_talk_cli.commands import chat
from stream_talk_cli.errors import CommandError

from tests.browser.chromium import until
from tests.browser.fake_gateway import RATE_HZ, FakeGateway

TIMEOUT_S = 20.0


@pytest.fixture
def gateway() -> Iterator[FakeGateway]:
    server = FakeGateway()
    yield server
    server.stop()


class FakeSound:
    """A machine's sound under the test's control: `say` is the person, `listen` is the ear."""

    output_latency_ms = 0.0

    def __init__(self) -> None:
        self.take: TakePcm | None = None
        self.give: GivePcm | None = None
        self.closed = False

    def open(self, take: TakePcm, give: GivePcm) -> None:
        self.take, self.give = take, give

    def close(self) -> None:
        self.closed = True

    def say(self, value: int, frames: int) -> None:
        take = until(lambda: self.take)
        for _ in range(frames):
            take(np.full(320, value, np.int16).tobytes())

    def listen(self, duration_ms: int) -> np.ndarray[Any, np.dtype[np.int16]]:
        give = until(lambda: self.give)
        return np.concatenate([give(480) for _ in range(duration_ms // 20)])


class Chat:
    """One conversation in a thread of its own; the test types, and reads what was written."""

    def __init__(self, url: str, *, token: str = "", sound: FakeSound | None = None) -> None:
        self.out = io.StringIO()
        self.error: BaseException | None = None
        self._loop = asyncio.new_event_loop()
        self._lines: asyncio.Queue[str | None] = asyncio.Queue()
        self._arguments = {"url": url, "token": token, "sound": sound}
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def type(self, line: str | None) -> None:
        self._loop.call_soon_threadsafe(self._lines.put_nowait, line)

    def wait(self) -> str:
        self._thread.join(TIMEOUT_S)
        assert not self._thread.is_alive()
        if self.error is not None:
            raise self.error
        return self.out.getvalue()

    def has_shown(self, text: str) -> None:
        until(lambda: text in self.out.getvalue())

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._talk())
        except BaseException as error:
            self.error = error

    async def _talk(self) -> None:
        captions = Captions(self.out, is_terminal=False)
        await ChatConversation(greeting={"lang": "en"}, captions=captions, lines=self._typed(), **self._arguments).run()

    async def _typed(self) -> AsyncIterator[str]:
        while (line := await self._lines.get()) is not None:
            yield line


def typed(gateway: FakeGateway, text: str, turn_id: int) -> None:
    until(lambda: any(message["text"] == text for message in gateway.of_type("text")))
    gateway.say("user_text", text=text, final=True, source="typed", turn_id=turn_id)


def end_turn(gateway: FakeGateway, turn_id: int, heard: str, unheard: str = "") -> None:
    gateway.say("heard", turn_id=turn_id, heard_text=heard, unheard_text=unheard, interrupted=bool(unheard))
    spans = [{"name": "endpoint", "node": "main_control", "start_ms": 0, "end_ms": 120}]
    gateway.say("turn", turn_id=turn_id, trace={"ttfa_ms": 310.0, "spans": spans})


def all_has_arrived(gateway: FakeGateway, talk: Chat) -> None:
    """Frames and messages come in one order: what was sent before this notice is there when it is."""
    gateway.say("notice", level="info", code="mark", text="all has arrived")
    talk.has_shown("all has arrived")


def test_typing_brings_answers_and_a_latency_line(gateway: FakeGateway) -> None:
    talk = Chat(gateway.talk_url)
    talk.has_shown("Connected (embedded)")
    talk.type("what time is it")
    talk.type(None)
    typed(gateway, "what time is it", 1)
    gateway.reply("Half past four.", generation=1, turn_id=1, duration_ms=200)
    end_turn(gateway, 1, "Half past four.")
    shown = talk.wait()
    assert "it   Half past four.\n" in shown
    assert "310 ms to the first sound: end of turn 120\n" in shown
    assert gateway.received[0]["lang"] == "en"
    until(lambda: gateway.of_type("bye"))
    finished = [report for report in gateway.of_type("playout") if report["state"] == "finished"]
    assert finished and abs(finished[0]["played_ms"] - 200) <= 1


def test_what_was_not_heard_is_marked(gateway: FakeGateway) -> None:
    talk = Chat(gateway.talk_url)
    talk.type("a story")
    typed(gateway, "a story", 1)
    gateway.reply("Once upon a time.", generation=1, turn_id=1, duration_ms=100, last=False)
    talk.type("")
    until(lambda: gateway.of_type("stop"))
    end_turn(gateway, 1, "Once upon", "a time.")
    talk.type("/quit")
    assert "it   Once upon [not heard: a time.]\n" in talk.wait()


def test_the_microphone_goes_up_and_the_answer_comes_out_of_the_speaker(gateway: FakeGateway) -> None:
    sound = FakeSound()
    talk = Chat(gateway.talk_url, sound=sound)
    sound.say(1234, 25)
    until(lambda: len(gateway.sound) == 25 * 640)
    assert set(np.frombuffer(bytes(gateway.sound), np.int16)) == {1234}
    gateway.hear("Good evening.", turn_id=1)
    gateway.reply("Good evening to you.", generation=1, turn_id=1, duration_ms=300)
    until(lambda: talk.out.getvalue().count("you  Good evening."))
    all_has_arrived(gateway, talk)
    heard = sound.listen(400)
    assert np.abs(heard[: RATE_HZ * 3 // 10].astype(int)).max() > 5000
    assert not heard[RATE_HZ * 31 // 100 :].any()
    states = until(lambda: (s := [r["state"] for r in gateway.of_type("playout")]) and s[-1] == "finished" and s)
    assert states[0] == "started" and "playing" in states
    talk.type("/quit")
    talk.wait()
    assert sound.closed


def test_a_cut_is_silence_at_once(gateway: FakeGateway) -> None:
    sound = FakeSound()
    talk = Chat(gateway.talk_url, sound=sound)
    talk.has_shown("Connected")
    gateway.play(1, 2000)
    until(lambda: sound.give and np.abs(sound.listen(40)).max() > 500)
    gateway.say("playout_control", action="cut", generation=1, turn_id=1)
    until(lambda: not sound.listen(20).any())
    gateway.play(1, 200)
    all_has_arrived(gateway, talk)
    assert not sound.listen(200).any(), "what comes late of a generation that was cut is not heard"
    talk.type("/quit")
    talk.wait()


def test_a_broken_line_is_resumed_and_no_sound_is_lost(gateway: FakeGateway) -> None:
    sound = FakeSound()
    talk = Chat(gateway.talk_url, sound=sound)
    sound.say(1, 10)
    until(lambda: len(gateway.sound_seqs) == 10)
    gateway.drop()
    gateway.hear("Said in between.", turn_id=1)
    sound.say(2, 10)
    talk.has_shown("Reconnecting in")
    until(lambda: gateway.of_type("resume"))
    talk.has_shown("you  Said in between.")
    sound.say(3, 1)
    until(lambda: len(gateway.sound_seqs) == 21)
    assert gateway.sound_seqs == list(range(1, 22))
    talk.type("/quit")
    talk.wait()


def test_a_restarted_server_goes_on_with_the_same_conversation(gateway: FakeGateway) -> None:
    talk = Chat(gateway.talk_url)
    talk.has_shown("Connected")
    gateway.forgets = True
    gateway.drop()
    hello = until(lambda: gateway.of_type("hello")[1:])[0]
    assert hello["conversation"] == "fake-conversation"
    talk.type("/quit")
    talk.wait()


def test_commands_reach_the_server(gateway: FakeGateway) -> None:
    talk = Chat(gateway.talk_url)
    for line in (
        "/mute",
        "/clear",
        "/graph kokoro",
        "/rate 1.5",
        "/rate fast",
        "/voice ben",
        "/interruption careful",
        "/interruption 1",
        "/quit",
    ):
        talk.type(line)
    shown = talk.wait()
    until(lambda: gateway.of_type("bye"))
    assert [m["on"] for m in gateway.of_type("mute")] == [True]
    assert gateway.of_type("clear") and gateway.of_type("graph")[0]["name"] == "kokoro"
    assert [{k: v for k, v in m.items() if k != "type"} for m in gateway.of_type("settings")] == [
        {"rate": 1.5},
        {"voice": "ben"},
        {"interruption": "careful"},
    ]
    assert "Muted." in shown and shown.count("/patience") == 2, "what cannot be understood is answered by the help"
    assert gateway.refused == []


def test_at_capacity_is_said_and_waited_out(gateway: FakeGateway) -> None:
    gateway.refusal = (4503, {"code": "at_capacity", "text": "No room at the moment.", "retry_after_ms": 300})
    talk = Chat(gateway.talk_url)
    talk.has_shown("No room at the moment. Reconnecting in 0.3 s.")
    gateway.refusal = None
    talk.has_shown("Connected")
    talk.type("/quit")
    talk.wait()


def test_a_graph_that_cannot_run_ends_with_its_remedy(gateway: FakeGateway) -> None:
    gateway.refusal = (4500, {"code": "graph_failed", "text": "Piper is missing: pip install piper-tts"})
    with pytest.raises(CommandError, match="pip install piper-tts"):
        Chat(gateway.talk_url).wait()


def test_a_wrong_token_is_said(gateway: FakeGateway) -> None:
    gateway.token = "right"
    with pytest.raises(CommandError, match="--token"):
        Chat(gateway.talk_url, token="wrong").wait()


def test_no_server_says_how_to_start_one() -> None:
    with pytest.raises(CommandError, match="stream-talk run"):
        Chat("ws://127.0.0.1:9/v1/talk").wait()


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("localhost:8000", "ws://localhost:8000/v1/talk"),
        ("https://talk.example/", "wss://talk.example/v1/talk"),
        ("https://example.org/stream", "wss://example.org/stream/v1/talk"),
        ("ws://h:1/v1/talk", "ws://h:1/v1/talk"),
    ],
)
def test_addresses_are_taken_as_people_write_them(given: str, expected: str) -> None:
    assert chat.talk_url(given) == expected


def test_nonsense_is_not_an_address() -> None:
    with pytest.raises(CommandError, match="no server's address"):
        chat.talk_url("ftp://x")


def test_without_sounddevice_the_remedy_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    with pytest.raises(CommandError, match=r"pip install 'stream-talk\[microphone\]'"):
        MachineSound().open(lambda _: None, lambda n: np.zeros(n, np.int16))


def fake_sounddevice(stream: Callable[..., Any]) -> types.ModuleType:
    module = types.ModuleType("sounddevice")
    module.PortAudioError = type("PortAudioError", (Exception,), {})  # type: ignore[attr-defined]
    module.RawInputStream = module.RawOutputStream = stream  # type: ignore[attr-defined]
    return module


def test_without_devices_the_remedy_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_options: Any) -> None:
        raise ValueError("No input device matching 'x'")

    monkeypatch.setitem(sys.modules, "sounddevice", fake_sounddevice(refuse))
    with pytest.raises(CommandError, match="--microphone and --speaker"):
        MachineSound("x").open(lambda _: None, lambda n: np.zeros(n, np.int16))


def test_the_machines_sound_is_carried_both_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    streams: list[dict[str, Any]] = []

    def make(**options: Any) -> Any:
        streams.append(options)
        return types.SimpleNamespace(latency=0.05, start=lambda: None, close=lambda: streams.remove(options))

    monkeypatch.setitem(sys.modules, "sounddevice", fake_sounddevice(make))
    taken: list[bytes] = []
    sound = MachineSound()
    sound.open(taken.append, lambda n: np.full(n, 7, np.int16))
    streams[0]["callback"](b"\1\0" * 320, 320, None, None)
    out = bytearray(960)
    streams[1]["callback"](memoryview(out), 480, None, None)
    assert taken == [b"\1\0" * 320]
    assert bytes(out) == b"\7\0" * 480
    assert (streams[0]["samplerate"], streams[1]["samplerate"], sound.output_latency_ms) == (16000, 24000, 50.0)
    sound.close()
    assert streams == []


def test_sound_sent_again_after_a_resume_is_not_heard_twice() -> None:
    from stream_talk.wire.frames import FLAG_MOVED, REPLY, AudioFrame

    speaker = Loudspeaker()
    speaker.opened(1, "r1")
    ramp = np.arange(1, 961, dtype=np.int16)
    speaker.push(AudioFrame(REPLY, 1, 1, 0, ramp[:480].tobytes()))
    speaker.push(AudioFrame(REPLY, 2, 1, 240, ramp[240:720].tobytes(), FLAG_MOVED))
    speaker.push(AudioFrame(REPLY, 3, 1, 720, ramp[720:].tobytes()))
    assert (speaker.pull(960) == ramp).all()


def test_the_microphone_keeps_ten_seconds() -> None:
    microphone = Microphone()
    for _ in range(600):
        microphone.frame(b"\0\0" * 320)
    assert len(microphone.kept) == 500
    assert [frame.seq for frame in microphone.after(598)] == [599, 600]


def test_backoff_is_capped_and_jittered() -> None:
    import random

    rng = random.Random(1)
    waits = [backoff_ms(attempt, rng) for attempt in range(12)]
    assert waits[0] <= 250 and max(waits) <= 8000 and min(waits[6:]) >= 4000 and len(set(waits)) == 12


def test_nothing_is_taken_twice() -> None:
    talk = Talk({})
    assert talk.receive('{"type":"state","seq":5}') is not None
    assert talk.receive('{"type":"state","seq":5}') is None
    assert talk.receive('{"type":"pong"}') is not None


def test_a_transcript_cannot_drive_the_terminal() -> None:
    assert clean("hi\x1b[2J\r\nthere\u202e") == "hi [2J  there"


def test_live_lines_fit_the_terminal_also_in_chinese(monkeypatch: pytest.MonkeyPatch) -> None:
    assert width("ab你好") == 6
    assert tail("你好世界", 5) == "世界"
    monkeypatch.setenv("COLUMNS", "20")
    out = io.StringIO()
    captions = Captions(out, is_terminal=True)
    captions.show({"type": "user_text", "turn_id": 1, "text": "one two three four five six", "final": False})
    captions.show({"type": "user_text", "turn_id": 1, "text": "one two three four five six", "final": True})
    partial, final = out.getvalue().split("\r\x1b[2K")
    assert width(partial) < 20 and partial.endswith("six")
    assert final.endswith("one two three four five six\n")
