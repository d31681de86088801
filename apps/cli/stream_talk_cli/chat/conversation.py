"""`stream-talk chat` at work: joins line, sound, keyboard and captions. Everything it touches is handed in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

from stream_talk import clock
from stream_talk.wire.frames import AudioFrame

from stream_talk_cli.chat.captions import Captions
from stream_talk_cli.chat.connection import Connection
from stream_talk_cli.chat.protocol import Talk
from stream_talk_cli.chat.sound import Loudspeaker, Sound

WELCOME = "Connected ({graph}). {how} · Enter alone: be quiet · /help"
HELP = """\
Enter alone, or Esc     be quiet now
/mute                   microphone off, and on again
/voice NAME             another voice
/rate 1.2               how fast it speaks: 0.5 to 2
/patience 0.5           how long it waits for your end of a turn: 0 to 1
/interruption careful   how easily you stop it: off, careful, normal, instant
/graph NAME             another pipeline; the conversation goes on
/clear                  forget this conversation
/quit                   leave, as do Ctrl-C and Ctrl-D"""
INTERRUPTION = ("off", "careful", "normal", "instant")
LAST_ANSWER_MS = 30_000.0
PING_MS = 5_000.0


class ChatConversation:
    def __init__(
        self,
        *,
        url: str,
        token: str,
        greeting: dict[str, Any],
        captions: Captions,
        lines: AsyncIterator[str],
        sound: Sound | None,
        is_patient: bool = False,
    ) -> None:
        """`is_patient`: each line waits for the answer to the one before, as is right for a file of questions."""
        self._captions = captions
        self._lines = lines
        self._sound = sound
        loop = asyncio.get_running_loop()
        self._reports_due = asyncio.Event()
        self._speaker = Loudspeaker(
            lambda: sound.output_latency_ms if sound is not None else 0.0,
            self._wake_reporter(loop),
        )
        self._line = Connection(url, token, Talk(greeting), on_item=self._receive, on_line=captions.line)
        self._muted = False
        self._patient = is_patient
        self._untaken = 0
        self._open_turns: set[int] = set()
        self._answered = asyncio.Event()
        self._frames: asyncio.Queue[bytes] = asyncio.Queue(maxsize=500)
        self._work: set[asyncio.Task[Any]] = set()

    async def run(self) -> None:
        """Until the person leaves, the server ends it, or it cannot be reached. Raises CommandError with a remedy."""
        talking = asyncio.ensure_future(self._line.run())
        try:
            opened = asyncio.ensure_future(self._line.ready.wait())
            await asyncio.wait({talking, opened}, return_when=asyncio.FIRST_COMPLETED)
            opened.cancel()
            if self._sound is not None and not talking.done():
                self._sound.open(self._heard_from_thread(), self._speaker.pull)
            for job in (self._send_sound(), self._send_reports(), self._keep_clock()):
                self._start(job)
            typing = asyncio.ensure_future(self._type())
            await asyncio.wait({talking, typing}, return_when=asyncio.FIRST_COMPLETED)
            typing.cancel()
            await self._tell_what_was_played()
            await self._line.close()
            await talking
        except asyncio.CancelledError:
            # Ctrl-C: the server is told, so that it does not hold the place of somebody who has left.
            await self._line.close()
            raise
        finally:
            if self._sound is not None:
                self._sound.close()
            for task in (*self._work, talking):
                task.cancel()

    def _start(self, job: Any) -> None:
        task = asyncio.ensure_future(job)
        self._work.add(task)
        task.add_done_callback(self._work.discard)

    def _receive(self, item: dict[str, Any] | AudioFrame) -> None:
        if isinstance(item, AudioFrame):
            self._speaker.push(item)
            if self._sound is None:
                self._speaker.read_aloud_silently()
            return
        kind = item["type"]
        if kind == "audio_start":
            self._speaker.opened(int(item["generation"]), str(item["request_id"]))
        elif kind == "audio_end":
            self._speaker.ended(int(item["generation"]))
            if self._sound is None:
                self._speaker.read_aloud_silently()
        elif kind == "playout_control":
            self._speaker.control(item)
        elif kind == "ready" and not item.get("resumed"):
            self._captions.line(
                WELCOME.format(graph=item.get("graph"), how="Type" if self._sound is None else "Speak or type")
            )
        self._keep_books(item)
        self._captions.show(item)

    def _wake_reporter(self, loop: asyncio.AbstractEventLoop) -> Callable[[], None]:
        def wake() -> None:
            loop.call_soon_threadsafe(self._reports_due.set)

        return wake

    def _keep_books(self, message: dict[str, Any]) -> None:
        """Which typed lines are still owed an answer."""
        turn_id = int(message.get("turn_id") or 0)
        if message["type"] == "user_text" and message.get("source") == "typed" and message.get("final"):
            self._untaken = max(0, self._untaken - 1)
            self._open_turns.add(turn_id)
        elif message["type"] == "turn":
            self._open_turns.discard(turn_id)
            if not self._untaken and not self._open_turns:
                self._answered.set()

    def _heard_from_thread(self) -> Any:
        loop = asyncio.get_running_loop()

        def enqueue(pcm: bytes) -> None:
            if not self._frames.full() and not self._muted:
                self._frames.put_nowait(pcm)

        return lambda pcm: loop.call_soon_threadsafe(enqueue, pcm)

    async def _send_sound(self) -> None:
        while True:
            await self._line.send_sound(await self._frames.get())

    async def _send_reports(self) -> None:
        while True:
            await self._reports_due.wait()
            self._reports_due.clear()
            await self._tell_what_was_played()

    async def _tell_what_was_played(self) -> None:
        for report in self._speaker.take_reports():
            await self._line.send({**report, "ack": self._line.talk.last_seq})

    async def _keep_clock(self) -> None:
        while True:
            await self._line.send({"type": "ping", "client_ts_ms": clock.now_ms()})
            await clock.sleep_ms(PING_MS)

    async def _type(self) -> None:
        async for line in self._lines:
            self._captions.entered(line.strip())
            if not await self._obey(line.strip()):
                return
            if self._patient:
                await self._answer()
        await self._answer()

    async def _answer(self) -> None:
        if not self._untaken and not self._open_turns:
            return
        waiting = asyncio.ensure_future(self._answered.wait())
        await asyncio.wait({waiting}, timeout=LAST_ANSWER_MS / 1000)
        waiting.cancel()

    async def _obey(self, line: str) -> bool:
        """One line of the person's. False when they leave."""
        word, _, rest = line.partition(" ")
        if word in ("/quit", "/exit"):
            return False
        if not line:
            await self._line.send({"type": "stop"})
        elif not line.startswith("/"):
            self._untaken += 1
            self._answered.clear()
            await self._line.send({"type": "text", "text": line})
        else:
            await self._command(word[1:], rest.strip())
        return True

    async def _command(self, word: str, rest: str) -> None:
        if word == "mute":
            self._muted = not self._muted
            await self._line.send({"type": "mute", "on": self._muted})
            self._captions.line("Muted." if self._muted else "Listening again.")
        elif word == "clear":
            await self._line.send({"type": "clear"})
            self._captions.line("Forgotten.")
        elif word == "graph" and rest:
            await self._line.send({"type": "graph", "name": rest})
        elif word == "voice" and rest:
            await self._line.send({"type": "settings", "voice": rest})
        elif word == "interruption" and rest in INTERRUPTION:
            await self._line.send({"type": "settings", "interruption": rest})
        elif word in ("rate", "patience") and _is_number(rest):
            await self._line.send({"type": "settings", word: float(rest)})
        else:
            self._captions.line(HELP)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
