"""What is measured of conversations, one function per row of `stream-talk bench talk`."""

from __future__ import annotations

import asyncio
import functools
import gc
import itertools
import os
import resource
import time
from dataclasses import replace
from typing import Any

import numpy as np
from stream_talk.engines.memory import resident_mb
from stream_talk.graph import Node, attach_host, find_graph, resolve_graph
from stream_talk.ten import names
from stream_talk.trace.percentiles import summary

from bench import recorded_speech
from bench.conversation.client import CLIENT_ADDON, Session
from bench.conversation.graphs import MATCHED_TURNS, MATCHED_VAD, conversation_graph
from bench.conversation.paced import NODES, TIMETABLES, Timetable
from bench.conversation.person import Line, Person
from bench.conversation.runtime import BenchRuntime

_NUMBERS = itertools.count(1)
WARM_TURNS = 2


@functools.cache
def clips(count: int) -> list[Any]:
    """Short questions, from the first to the last sample of speech, equally loud."""
    found = []
    for prompt in recorded_speech.sample(400, min_words=3, max_words=9):
        pcm = recorded_speech.trimmed(recorded_speech.pcm(prompt))
        if 1.1 <= len(pcm) / recorded_speech.SAMPLE_RATE_HZ <= 3.0:
            found.append((pcm.astype(np.float64) * (16000 / np.abs(pcm).max())).astype(np.int16))
        if len(found) == count:
            break
    return found


class Talk:
    """One conversation with timed engines."""

    def __init__(self, timetable: Timetable, *, vad: str, seed: int = 1, memory: dict[str, str] | None = None) -> None:
        self.session_id = f"bench-{next(_NUMBERS)}"
        self.timetable = timetable
        self.line = Line()
        self.session = Session(self.session_id, self.line.on_sound)
        self.person = Person(self.session, self.line, clips(24), seed)
        self._vad = vad
        self._memory = memory
        self._graph_id = ""
        TIMETABLES[self.session_id] = timetable

    async def start(self, runtime: BenchRuntime) -> None:
        graph = conversation_graph(
            self.session_id,
            vad=self._vad,
            **NODES,
            engines={"session": self.session_id},
            vad_properties=MATCHED_VAD,
            control_properties=MATCHED_TURNS,
            memory=self._memory,
        )
        self._graph_id = await runtime.converse(graph, self.session)

    async def stop(self, runtime: BenchRuntime) -> None:
        await runtime.end(self._graph_id)
        TIMETABLES.pop(self.session_id, None)

    def overheads_ms(self) -> list[float]:
        """From the question to the recogniser to the first sound, without what the engines take."""
        asked = self.timetable.asked_s
        found = []
        for turn in self.person.turns[WARM_TURNS:]:
            asked_s = next((at_s for at_s in asked if at_s >= turn.end_s), None)
            if asked_s is not None and turn.first_sound_s is not None:
                found.append((turn.first_sound_s - asked_s) * 1000 - self.timetable.nominal_ms)
        return found


async def response(runtime: BenchRuntime, *, paced: bool, turns: int, vad: str) -> dict[str, Any]:
    """Speech end to first sound, and the framework's share of it; processor time per second of audio."""
    timetable = Timetable(10.0, 50.0, 25.0) if paced else Timetable(word_ms=25.0)
    talk = Talk(timetable, vad=vad)
    await talk.start(runtime)
    cpu_s, started_s = _cpu_s(), talk.person.audio_s
    await talk.person.converse(turns + WARM_TURNS)
    used_s = _cpu_s() - cpu_s
    await talk.stop(runtime)
    kept = talk.person.turns[WARM_TURNS:]
    totals = [(t.first_sound_s - t.end_s) * 1000 for t in kept if t.first_sound_s is not None]
    return {
        "answered": f"{len(totals)}/{len(kept)}",
        "overhead_ms": summary(talk.overheads_ms()),
        "speech_end_to_first_sound_ms": summary(totals),
        "cpu_s_per_audio_s": round(used_s / (talk.person.audio_s - started_s), 4),
    }


async def barge_in(runtime: BenchRuntime, *, turns: int, vad: str) -> dict[str, Any]:
    """From the first sample of the interrupting speech to the last sound of the reply; and what still came after the cut."""
    talk = Talk(Timetable(10.0, 50.0, 300.0), vad=vad)
    await talk.start(runtime)
    await talk.person.converse(turns + WARM_TURNS, interrupt_after_s=0.8)
    await talk.stop(runtime)
    stops = []
    for turn in talk.person.turns[WARM_TURNS:]:
        last_s = talk.line.last_of_burst(turn.onset_s)
        if last_s is not None and last_s - turn.onset_s < 3.0:
            stops.append(max(0.0, (last_s - turn.onset_s) * 1000))
    return {
        "onset_to_last_sound_ms": summary(stops),
        "stale_samples_refused": talk.session.buffer.stats.stale_samples,
        "stale_samples_heard": talk.session.stale_samples_heard,
    }


async def stop_command(runtime: BenchRuntime, *, times: int) -> dict[str, Any]:
    """`client_event stop` to the last sound, while a reply is playing."""
    talk = Talk(Timetable(0.0, 0.0, 300.0), vad="ten_vad_python")
    await talk.start(runtime)
    delays = []
    for _ in range(times):
        await talk.session.tell(names.CLIENT_EVENT, {"type": "text", "text": "hello", "id": "1"})
        await talk.line.sounds(10)
        asked_s = time.perf_counter()
        await talk.session.tell(names.CLIENT_EVENT, {"type": "stop"})
        await asyncio.sleep(0.15)
        delays.append(max(0.0, (talk.line.times_s[-1] - asked_s) * 1000))
    await talk.stop(runtime)
    return {"stop_to_last_sound_ms": summary(delays)}


async def memory(runtime: BenchRuntime, *, sessions: int, vad: str) -> dict[str, Any]:
    """What one more conversation takes, engines shared."""
    first = Talk(Timetable(word_ms=25.0), vad=vad)
    await first.start(runtime)
    await first.person.converse(2)
    gc.collect()
    before_mb = resident_mb()
    more = [Talk(Timetable(word_ms=25.0), vad=vad, seed=i) for i in range(sessions)]
    for talk in more:
        await talk.start(runtime)
    await asyncio.gather(*(talk.person.converse(2) for talk in more))
    gc.collect()
    after_mb = resident_mb()
    for talk in [first, *more]:
        await talk.stop(runtime)
    return {"per_session_mb": round((after_mb - before_mb) / sessions, 3), "process_mb": round(after_mb, 1)}


async def load(runtime: BenchRuntime, *, sessions: int, seconds: float, vad: str) -> dict[str, Any]:
    """Many conversations at once on one core: how late their sound is."""
    talks = [Talk(Timetable(10.0, 50.0, 100.0), vad=vad, seed=100 + i) for i in range(sessions)]
    for talk in talks:
        await talk.start(runtime)
    pauses = _GcPauses()
    measured_from_s = time.perf_counter() + 4.0
    until_s = measured_from_s + seconds

    async def one(number: int, talk: Talk) -> None:
        await asyncio.sleep(3.0 * (number * 0.618 % 1))
        await talk.person.converse(1000, until_s=until_s)

    cpu_s, started_s = _cpu_s(), time.perf_counter()
    await asyncio.gather(*(one(i, talk) for i, talk in enumerate(talks)))
    used = (_cpu_s() - cpu_s) / (time.perf_counter() - started_s)
    late = [value for talk in talks for value in talk.line.lateness_ms(measured_from_s)]
    for talk in talks:
        await talk.stop(runtime)
    return {
        "sessions": sessions,
        "output_lateness_ms": summary(late),
        "cores_used": round(used, 3),
        "longest_collection_ms": round(pauses.longest_ms(), 1),
    }


async def whole_graph(runtime: BenchRuntime, *, graph: str, prompts: int) -> dict[str, Any]:
    """Real engines: the person's last sample to the first audible one."""
    line = Line()
    session_id = f"bench-{next(_NUMBERS)}"
    session = Session(session_id, line.on_sound)
    flat = resolve_graph(find_graph(graph))
    quiet = [replace(n, property={**n.property, "greeting": ""}) if n.name == "main_control" else n for n in flat.nodes]
    host = Node(name=session_id, addon=CLIENT_ADDON)
    graph_id = await runtime.converse(attach_host(replace(flat, nodes=quiet), host).to_dict(), session)
    await asyncio.sleep(3.0)  # the engines load in the background
    person = Person(session, line, [])
    waits: list[float] = []
    slow: dict[str, float] = {}
    unanswered = 0
    for prompt in recorded_speech.sample(prompts):
        person.clips = [recorded_speech.trimmed(recorded_speech.pcm(prompt))]
        await person.converse(1, interrupt_after_s=0.3)
        await session.tell(names.CLIENT_EVENT, {"type": "stop"})
        turn = person.turns[-1]
        if turn.first_sound_s is None:
            unanswered += 1
        else:
            waits.append((turn.first_sound_s - turn.end_s) * 1000)
            if waits[-1] > 700:
                slow[prompt.text] = round(waits[-1])
    await runtime.end(graph_id)
    held = sum(1 for wait in waits if wait > 1000)
    return {
        "graph": graph,
        "speech_end_to_first_sound_ms": summary(waits),
        "held_over_1_s": held,
        "unanswered": unanswered,
        "slowest": slow,
    }


class _GcPauses:
    def __init__(self) -> None:
        self._started_s = 0.0
        self._longest_s = 0.0
        gc.callbacks.append(self._on_gc)

    def _on_gc(self, phase: str, _info: dict[str, int]) -> None:
        if phase == "start":
            self._started_s = time.perf_counter()
        else:
            self._longest_s = max(self._longest_s, time.perf_counter() - self._started_s)

    def longest_ms(self) -> float:
        gc.callbacks.remove(self._on_gc)
        return self._longest_s * 1000


def _cpu_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def pin_to(core: int) -> None:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {core})
