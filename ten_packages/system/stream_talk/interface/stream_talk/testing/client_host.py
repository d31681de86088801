"""Runs whole session graphs with synthetic people, in simulated time: one app, any number of sessions side by side.

code = WordCode(["what time is it", "it is noon"])
session, = run_sessions(graph, [SyntheticUser([Act(code.encode("what time is it"))])])
assert code.decode(session.heard) == ["it", "is", "noon"]
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from ten_graph import FlatGraph, Node
from ten_runtime import App, AsyncTenEnv, TenEnv

from stream_talk import clock
from stream_talk.audio.playout import PlayoutBuffer
from stream_talk.engines.interfaces import Pcm16
from stream_talk.graph.host import attach_host
from stream_talk.ten.host import HostExtension
from stream_talk.testing.stage import register_for_test
from stream_talk.testing.synthetic_user import SyntheticUser

_RATE = 16000
_HOST = "client"
_LOG = {
    "handlers": [
        {
            "matchers": [{"level": "error"}],
            "formatter": {"type": "plain", "colored": False},
            "emitter": {"type": "console", "config": {"stream": "stderr"}},
        }
    ]
}


@dataclass
class Session:
    """What one person went through."""

    user: SyntheticUser
    messages: list[dict[str, Any]] = field(default_factory=list)
    duration_ms: float = 0.0
    _sound: list[Pcm16] = field(default_factory=list)
    keeps_all: bool = True

    @property
    def heard(self) -> Pcm16:
        """The whole loudspeaker, silence included, aligned with the session's time."""
        return np.concatenate(self._sound) if self._sound else np.zeros(0, dtype=np.int16)

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [message for message in self.messages if message.get("type") == kind]

    def first_sound_after(self, time_ms: float) -> float:
        start = round(time_ms * _RATE / 1000)
        sounding = np.flatnonzero(self.heard[start:])
        return time_ms + float(sounding[0]) * 1000.0 / _RATE if len(sounding) else float("inf")

    def last_sound_ms(self) -> float:
        sounding = np.flatnonzero(self.heard)
        return float(sounding[-1]) * 1000.0 / _RATE if len(sounding) else float("-inf")


OnMessage = Callable[[Session, dict[str, Any]], None]


class _Run:
    """The sessions of one app; closes it when all are done."""

    def __init__(self, sessions: list[Session], frame_ms: int, max_ms: float, on_message: OnMessage | None) -> None:
        self.on_message = on_message
        self.sessions = sessions
        self.frame_ms = frame_ms
        self.max_ms = max_ms
        self.left = len(sessions)


def _host_class(run: _Run) -> type[HostExtension]:
    class ClientHost(HostExtension):
        async def prepare(self, ten_env: AsyncTenEnv) -> None:
            index, _ = await ten_env.get_property_int("session")
            self._session = run.sessions[index]
            self.loudspeaker = PlayoutBuffer(_RATE)

        def on_message(self, body: dict[str, Any]) -> None:
            if run.on_message is not None:
                run.on_message(self._session, body)
            if self._session.keeps_all:
                self._session.messages.append(body)

        async def converse(self) -> None:
            try:
                await self._frames()
            finally:
                run.left -= 1
                if run.left == 0:
                    await self.close_app()

        async def _frames(self) -> None:
            session, user = self._session, self._session.user
            samples = _RATE * run.frame_ms // 1000
            await self.send_event("hello")
            started_ms = clock.now_ms()
            media_ms = 0.0
            while media_ms < run.max_ms and not user.done(media_ms):
                await clock.sleep_ms(started_ms + media_ms - clock.now_ms())
                heard = await self.play(samples)
                if session.keeps_all:
                    session._sound.append(heard)
                user.loudspeaker(heard, media_ms)
                mic = user.microphone(samples, media_ms)
                while user.events:
                    event = dict(user.events.pop(0))
                    await self.send_event(event.pop("type"), **event)
                await self.hear(mic, _RATE, media_ms)
                media_ms += run.frame_ms
            session.duration_ms = media_ms

    return ClientHost


def run_sessions(
    graph: FlatGraph,
    users: Sequence[SyntheticUser],
    *,
    frame_ms: int = 20,
    max_ms: float = 600_000.0,
    keeps_all: bool = True,
    virtual: bool = True,
    on_message: OnMessage | None = None,
) -> list[Session]:
    """Each person gets an instance of the graph in one app. Returns when all are done. With `keeps_all=False` nothing is kept: long
    runs look at the messages as they come, through `on_message`."""
    sessions = [Session(user, keeps_all=keeps_all) for user in users]
    run = _Run(sessions, frame_ms, max_ms, on_message)
    addon = f"client_host_{id(run)}"
    register_for_test(addon, _host_class(run))
    predefined = []
    for index in range(len(sessions)):
        host = Node(name=_HOST, addon=addon, property={"session": index})
        predefined.append({"name": f"session_{index}", "auto_start": True, "graph": attach_host(graph, host).to_dict()})
    _run_app({"ten": {"predefined_graphs": predefined, "log": _LOG}}, virtual=virtual)
    return sessions


def _run_app(properties: dict[str, Any], *, virtual: bool) -> None:
    text = json.dumps(properties)

    class SessionsApp(App):
        def on_configure(self, ten_env: TenEnv) -> None:
            ten_env.init_property_from_json(text)
            ten_env.on_configure_done()

    app = SessionsApp()
    app.set_virtual_clock(virtual)  # type: ignore[attr-defined, unused-ignore]
    app.run(False)
    failure = app.failure() if hasattr(app, "failure") else None
    if failure is not None:
        raise AssertionError(f"the app failed: {failure.error_message()}")
