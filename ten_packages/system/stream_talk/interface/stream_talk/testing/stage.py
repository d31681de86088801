"""Drives one extension from a coroutine and records everything it says.

    def script(stage): ...
    record = drive("espeak_tts_python", {"params": {"voice": "en-us"}}, script)

The script runs beside the extension in a runtime of its own; a failed assertion in it fails the test that called `drive`.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from ten_runtime import (
    Addon,
    App,
    AsyncExtensionTester,
    AsyncTenEnvTester,
    AudioFrame,
    Cmd,
    Data,
    StatusCode,
    TenEnv,
    register_addon_as_extension,
)

from stream_talk import clock
from stream_talk.engines.interfaces import Pcm16
from stream_talk.ten import messages, names

DEFAULT_TIMEOUT_MS = 30_000.0


@dataclass
class Event:
    """One message of the extension. `pcm` is None for everything but audio."""

    kind: str  # data, cmd or audio
    name: str
    body: dict[str, Any]
    at_ms: float
    pcm: Pcm16 | None = None
    sample_rate_hz: int = 0
    timestamp_ms: int = 0


@dataclass
class Answer:
    ok: bool
    body: dict[str, Any]
    final: bool = True


@dataclass
class Record:
    events: list[Event] = field(default_factory=list)

    def data(self, name: str) -> list[Event]:
        return [e for e in self.events if e.kind == "data" and e.name == name]

    def cmds(self, name: str) -> list[Event]:
        return [e for e in self.events if e.kind == "cmd" and e.name == name]

    def audio(self, request_id: str | None = None) -> list[Event]:
        """Audio frames; those of one request, where the sender puts it into the metadata."""
        frames = [e for e in self.events if e.kind == "audio"]
        return frames if request_id is None else [e for e in frames if e.body.get("request_id") == request_id]

    def pcm(self) -> Pcm16:
        pieces = [e.pcm for e in self.audio() if e.pcm is not None]
        return np.concatenate(pieces) if pieces else np.zeros(0, np.int16)


class Stage:
    """What a script has in hand."""

    def __init__(self, env: AsyncTenEnvTester, record: Record) -> None:
        self._env = env
        self.record = record
        self._changed = asyncio.Event()

    async def send_data(self, name: str, body: Mapping[str, Any]) -> None:
        await self._env.send_data(messages.data(name, body))

    async def send_audio(
        self, pcm: Pcm16, metadata: Mapping[str, Any], *, sample_rate_hz: int = 16000, timestamp_ms: int = 0
    ) -> None:
        frame = messages.pcm_frame(
            pcm, sample_rate_hz, metadata_json=messages.to_json(metadata), timestamp_ms=timestamp_ms
        )
        await self._env.send_audio_frame(frame)

    async def speak(
        self,
        pcm: Pcm16,
        metadata: Mapping[str, Any],
        *,
        sample_rate_hz: int = 16000,
        frame_samples: int = 160,
        speed: float = 0.0,
        from_ms: float = 0.0,
    ) -> float:
        """Send a recording in frames, `speed` times as fast as real time (0: as fast as possible). Returns its end in media time."""
        for start in range(0, len(pcm), frame_samples):
            at_ms = from_ms + start * 1000.0 / sample_rate_hz
            piece = pcm[start : start + frame_samples]
            await self.send_audio(piece, metadata, sample_rate_hz=sample_rate_hz, timestamp_ms=round(at_ms))
            if speed:
                await clock.sleep_ms(len(piece) * 1000.0 / sample_rate_hz / speed)
        return from_ms + len(pcm) * 1000.0 / sample_rate_hz

    async def send_cmd(self, name: str, body: Mapping[str, Any] | None = None) -> Answer:
        """The final answer of a command; earlier ones are dropped."""
        answers = await self.stream_cmd(name, body)
        return answers[-1]

    async def stream_cmd(
        self, name: str, body: Mapping[str, Any] | None = None, on_answer: Callable[[Answer], None] | None = None
    ) -> list[Answer]:
        """All answers of a command, the final one last."""
        answers: list[Answer] = []
        async for result, error in self._env.send_cmd_ex(messages.cmd(name, body)):
            if error is not None or result is None:
                answers.append(Answer(False, {"detail": error.error_message() if error else "no result"}))
                break
            ok = result.get_status_code() == StatusCode.OK
            answers.append(Answer(ok, messages.read_json(result), result.is_final()))
            if on_answer is not None:
                on_answer(answers[-1])
        return answers

    async def wait_for(
        self, matches: Callable[[Event], bool], *, timeout_ms: float = DEFAULT_TIMEOUT_MS, count: int = 1
    ) -> Event:
        """The `count`-th event that matches, past ones included."""
        deadline_ms = clock.now_ms() + timeout_ms
        while True:
            found = [event for event in self.record.events if matches(event)]
            if len(found) >= count:
                return found[count - 1]
            left_ms = deadline_ms - clock.now_ms()
            if left_ms <= 0:
                said = [f"{e.kind}:{e.name}" for e in self.record.events[-12:]]
                raise AssertionError(f"waited {timeout_ms:.0f} ms in vain; the extension last said {said}")
            self._changed.clear()
            try:
                await asyncio.wait_for(self._changed.wait(), left_ms / 1000.0)
            except asyncio.TimeoutError:
                continue

    async def wait_data(
        self,
        name: str,
        matches: Callable[[dict[str, Any]], bool] = lambda _: True,
        *,
        timeout_ms: float = DEFAULT_TIMEOUT_MS,
        count: int = 1,
    ) -> Event:
        return await self.wait_for(
            lambda e: e.kind == "data" and e.name == name and matches(e.body), timeout_ms=timeout_ms, count=count
        )

    async def wait_audio(self, *, timeout_ms: float = DEFAULT_TIMEOUT_MS, count: int = 1) -> Event:
        return await self.wait_for(lambda e: e.kind == "audio", timeout_ms=timeout_ms, count=count)

    async def quiet_for(self, duration_ms: float) -> list[Event]:
        """What the extension says in the next `duration_ms`."""
        before = len(self.record.events)
        await clock.sleep_ms(duration_ms)
        return self.record.events[before:]

    def add(self, event: Event) -> None:
        self.record.events.append(event)
        self._changed.set()


Script = Callable[[Stage], Awaitable[None]]


class _Tester(AsyncExtensionTester):
    def __init__(self, script: Script, record: Record) -> None:
        super().__init__()
        self._script = script
        self._record = record
        self._stage: Stage | None = None
        self._task: asyncio.Task[None] | None = None
        self.problem: BaseException | None = None

    async def on_init(self, ten_env: AsyncTenEnvTester) -> None:
        self._stage = Stage(ten_env, self._record)

    async def on_start(self, ten_env: AsyncTenEnvTester) -> None:
        self._task = asyncio.get_running_loop().create_task(self._run(ten_env))

    async def on_data(self, ten_env: AsyncTenEnvTester, data: Data) -> None:
        self._add(Event("data", data.get_name(), messages.read_json(data), clock.now_ms()))

    async def on_cmd(self, ten_env: AsyncTenEnvTester, cmd: Cmd) -> None:
        self._add(Event("cmd", cmd.get_name(), messages.read_json(cmd), clock.now_ms()))
        await ten_env.return_result(messages.result(cmd))

    async def on_audio_frame(self, ten_env: AsyncTenEnvTester, audio_frame: AudioFrame) -> None:
        view = messages.PcmReader().read(audio_frame)
        self._add(
            Event(
                "audio",
                names.PCM_FRAME,
                view.metadata,
                clock.now_ms(),
                view.pcm,
                view.sample_rate_hz,
                view.timestamp_ms,
            )
        )

    def _add(self, event: Event) -> None:
        if self._stage is not None:
            self._stage.add(event)

    async def _run(self, ten_env: AsyncTenEnvTester) -> None:
        assert self._stage is not None
        try:
            await self._script(self._stage)
        except BaseException as error:
            self.problem = error
        ten_env.stop_test()


def drive(
    addon: str,
    properties: Mapping[str, Any],
    script: Script,
    *,
    timeout_ms: float = 120_000.0,
    virtual: bool = False,
) -> Record:
    """Run `script` against the extension `addon`; returns what the extension said. With `virtual`, time is simulated."""
    record = Record()
    tester = _Tester(script, record)
    tester.set_test_mode_single(addon, json.dumps(properties))
    tester.set_timeout(round(timeout_ms * 1000.0))
    if virtual:
        tester.set_virtual_clock(True)  # type: ignore[attr-defined, unused-ignore]
    error = tester.run()
    if tester.problem is not None:
        raise tester.problem
    assert error is None, f"the test run failed: {error.error_message()}"
    return record


def drive_side_by_side(
    addon: str, properties: Mapping[str, Any], scripts: list[Script], *, timeout_ms: float = 120_000.0
) -> list[Record]:
    """Several sessions of one extension at the same time, in one process."""
    records: list[Record | BaseException] = [Record() for _ in scripts]

    def run(index: int) -> None:
        try:
            records[index] = drive(addon, properties, scripts[index], timeout_ms=timeout_ms)
        except BaseException as error:
            records[index] = error

    threads = [threading.Thread(target=run, args=(i,), daemon=True) for i in range(len(scripts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for record in records:
        if isinstance(record, BaseException):
            raise record
    return [record for record in records if isinstance(record, Record)]


def register_for_test(addon: str, extension_class: Any) -> None:
    """Make an extension class known to the runtime under a name, without a package around it."""

    @register_addon_as_extension(addon)
    class _TestAddon(Addon):
        def on_create_instance(self, ten_env: TenEnv, name: str, context: Any) -> None:
            ten_env.on_create_instance_done(extension_class(name), context)


class FakeApp(App):
    """The app that owns the addons while tests run; start one per session in `conftest.py` where the native runtime is used."""

    def __init__(self) -> None:
        super().__init__()
        self.ready = threading.Event()

    def on_init(self, ten_env: TenEnv) -> None:
        self.ready.set()
        ten_env.on_init_done()
