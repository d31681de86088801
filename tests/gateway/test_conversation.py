"""A recorded person talks with the embedded graph over the wire: heard, answered, interrupted, remembered, resumed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator

import numpy as np
import pytest
from stream_talk.wire.frames import AudioFrame
from websockets.asyncio.client import connect

from bench import recorded_speech
from bench.gateway_load.server import ROOT, GatewayProcess

from .conftest import TalkClient

pytestmark = [
    pytest.mark.speech,
    pytest.mark.slow,
    pytest.mark.skipif(recorded_speech.missing() is not None, reason=str(recorded_speech.missing())),
]
FRAME = 320


@pytest.fixture(scope="module")
def server() -> Iterator[GatewayProcess]:
    # Other tests make the machine busy: that must not count as being full.
    admission = {"max_loop_lag_ms": 10_000, "max_queue_ms": 100_000}
    with GatewayProcess("embedded", graphs_from=ROOT / "graphs", admission=admission, warm_up=True) as process:
        yield process


class Person(TalkClient):
    """Listens as a loudspeaker would, and reports it; speaks recordings in real time, with silence in between."""

    def __init__(self, socket) -> None:
        super().__init__(socket)
        self._played: dict[int, float] = {}
        self._ear = asyncio.create_task(self._listen())
        self._changed = asyncio.Condition()
        self._mouth: asyncio.Task | None = None
        self._speech: list[np.ndarray] = []

    async def _listen(self) -> None:
        while True:
            item = await self.receive_any()
            async with self._changed:
                self._changed.notify_all()
            if isinstance(item, dict) and item["type"] == "audio_end" and item["reason"] == "finished":
                await self._report(item["generation"], item["total_ms"], "finished")
            elif isinstance(item, AudioFrame):
                await self._report(item.generation, item.position / 24, "playing" if item.position else "started")
            elif isinstance(item, dict) and item.get("action") == "cut":
                await self._report(item["generation"], 300, "dropped")

    async def receive_any(self):
        data = await self.socket.recv()
        item = AudioFrame.decode(data) if isinstance(data, bytes) else json.loads(data)
        self.items.append(item)
        return item

    async def _report(self, generation: int, played_ms: float, state: str) -> None:
        await self.send(
            {
                "type": "playout", "generation": generation, "played_ms": played_ms, "buffered_ms": 0, "state": state,
                "client_ts_ms": 0,
            }
        )  # fmt: skip

    async def wait_for(self, kind: str, timeout_s: float = 20.0, **fields):
        async def look():
            async with self._changed:
                while True:
                    found = [m for m in self.messages(kind) if all(m.get(k) == v for k, v in fields.items())]
                    if found:
                        return found[-1]
                    await self._changed.wait()

        try:
            return await asyncio.wait_for(look(), timeout_s)
        except asyncio.TimeoutError:
            story = [m for m in self.items if isinstance(m, dict) and m["type"] not in ("viseme", "words", "ready")]
            pytest.fail(f"no {kind} {fields}; what happened: {story}")

    def open_mouth(self) -> None:
        self._mouth = asyncio.create_task(self._speak())

    def say(self, pcm: np.ndarray) -> None:
        padded = np.concatenate([pcm, np.zeros(-len(pcm) % FRAME, dtype=np.int16)])
        self._speech += list(padded.reshape(-1, FRAME))

    async def _speak(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            frame = self._speech.pop(0) if self._speech else np.zeros(FRAME, dtype=np.int16)
            await self.send_sound(frame.tobytes())
            due += 0.02
            await asyncio.sleep(max(0.0, due - loop.time()))

    async def leave(self) -> None:
        for task in (self._ear, self._mouth):
            if task is not None:
                task.cancel()
        await self.send({"type": "bye"})
        await self.socket.close()


async def _person(server: GatewayProcess) -> Person:
    socket = await connect(f"ws://127.0.0.1:{server.port}/v1/talk", compression=None)
    person = Person(socket)
    await person.send({"type": "hello", "protocol": 1})
    person.ready = await person.wait_for("ready")
    return person


async def _say_until_heard(person: Person, pcm: np.ndarray) -> dict:
    """On a machine that is busy with other tests a recogniser may be too late for the first time; a person would say it again."""
    for _ in range(3):
        person.say(pcm)
        waits = [person.wait_for("user_text", 40, final=True), asyncio.sleep(8.0)]
        tasks = [asyncio.ensure_future(wait) for wait in waits]
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
        if tasks[0] in done:
            return tasks[0].result()
    return await person.wait_for("user_text", 10, final=True)


def test_a_spoken_sentence_is_heard_answered_and_traced(server):
    async def scenario() -> None:
        person = await _person(server)
        person.open_mouth()
        await person.wait_for("heard", 30)  # the greeting
        prompt = recorded_speech.by_name("number-not-answering")
        said = await _say_until_heard(person, recorded_speech.trimmed(recorded_speech.pcm(prompt)))
        # How well it is recognised is the recogniser's test; here it must be the person's words that arrived.
        assert set(prompt.words) & set(recorded_speech.spoken_words(said["text"])), (prompt.text, said["text"])
        turn_id = said["turn_id"]
        start = await person.wait_for("audio_start", 30, turn_id=turn_id)
        await person.wait_for("audio_end", 60, turn_id=turn_id)
        assert np.abs(np.frombuffer(person.sound(start["generation"]), dtype=np.int16)).max() > 2000
        turn = await person.wait_for("turn", 30, turn_id=turn_id)
        assert turn["trace"]["spans"] and turn["trace"]["ttfa_ms"] > 0
        await person.wait_for("heard", 30, turn_id=turn_id)
        await person.leave()

    asyncio.run(scenario())


def test_speech_over_a_reply_cuts_it(server):
    async def scenario() -> None:
        person = await _person(server)
        person.open_mouth()
        await person.wait_for("heard", 30)
        await person.send({"type": "say", "text": "This is a long sentence that goes on and on. " * 10})
        start = await person.wait_for("assistant_text", 30, final=True)
        await person.wait_for("audio_start", 30, generation=start["generation"])
        prompt = recorded_speech.by_name("vm-dialout")
        for _ in range(3):  # somebody who means it
            person.say(recorded_speech.trimmed(recorded_speech.pcm(prompt)))
        cut = await person.wait_for("playout_control", 30, action="cut")
        assert cut["generation"] >= start["generation"]
        heard = await person.wait_for("heard", 30, interrupted=True)
        assert heard["unheard_text"]
        await person.leave()

    asyncio.run(scenario())


def test_a_conversation_survives_a_broken_line_in_the_middle_of_a_reply(server):
    async def scenario() -> None:
        person = await _person(server)
        await person.wait_for("audio_end", 30)
        await person.send({"type": "text", "text": "what is two plus three"})
        start = await person.wait_for("audio_start", 30, turn_id=1)
        person._ear.cancel()
        person.socket.transport.abort()
        seqs = [i.seq if isinstance(i, AudioFrame) else i.get("seq", 0) for i in person.items]
        socket = await connect(f"ws://127.0.0.1:{server.port}/v1/talk", compression=None)
        back = Person(socket)
        back.items = list(person.items)
        await back.send(
            {
                "type": "resume", "protocol": 1, "session_id": person.ready["session_id"],
                "token": person.ready["resume_token"], "last_seq": max(seqs),
            }
        )  # fmt: skip
        ended = await back.wait_for("audio_end", 30, turn_id=1)
        assert len(back.sound(start["generation"])) // 2 == pytest.approx(ended["total_ms"] * 24, abs=24)
        final = await back.wait_for("assistant_text", 30, turn_id=1, final=True)
        assert "5" in final["text"]
        got = [i.seq if isinstance(i, AudioFrame) else i.get("seq", 0) for i in back.items]
        numbered = [seq for seq in got if seq]
        assert numbered == sorted(set(numbered)), "nothing twice, nothing out of order"
        await back.leave()

    asyncio.run(scenario())
