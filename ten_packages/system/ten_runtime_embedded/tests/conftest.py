"""A small stage for runtime tests: extensions defined in the test, a tester that follows a script."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest
from ten_runtime import (
    Addon,
    App,
    AsyncExtensionTester,
    AudioFrame,
    Cmd,
    Data,
    Loc,
    TenError,
    VideoFrame,
    register_addon_as_extension,
)

_numbers = itertools.count(1)
Script = Callable[[Any, Any], Coroutine[Any, Any, None]]
SUT_WAIT_S = 5.0


@pytest.fixture(autouse=True)
def _failures_are_errors(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """By default an exception in a callback ends the process: here it fails the run."""
    monkeypatch.setenv("TEN_UNCAUGHT_EXCEPTION", "app")
    monkeypatch.delenv("TEN_VIRTUAL_CLOCK", raising=False)
    yield


def make_addon(factory: Callable[[str], Any], name: str | None = None) -> str:
    """Registers an addon whose instances the factory (usually the class itself) makes; returns its name."""
    addon_name = name or f"addon_{next(_numbers)}"

    @register_addon_as_extension(addon_name)
    class _Addon(Addon):
        def on_create_instance(self, ten_env: Any, name: str, context: Any) -> None:
            ten_env.on_create_instance_done(factory(name), context)

    return addon_name


class ScriptTester(AsyncExtensionTester):
    """Runs a script in on_start; what arrives can be awaited with ``next``."""

    def __init__(self, script: Script) -> None:
        super().__init__()
        self._script = script
        self._arrived: asyncio.Queue[Any] = asyncio.Queue()
        self.error: BaseException | None = None

    async def on_start(self, ten_env: Any) -> None:
        try:
            await self._script(ten_env, self)
        except BaseException as error:
            self.error = error
        ten_env.stop_test()

    async def next(self) -> Any:
        return await asyncio.wait_for(self._arrived.get(), SUT_WAIT_S)

    async def nothing_for(self, seconds: float) -> bool:
        await asyncio.sleep(seconds)
        return self._arrived.empty()

    async def on_cmd(self, ten_env: Any, cmd: Cmd) -> None:
        self._arrived.put_nowait(cmd)

    async def on_data(self, ten_env: Any, data: Data) -> None:
        self._arrived.put_nowait(data)

    async def on_audio_frame(self, ten_env: Any, audio_frame: AudioFrame) -> None:
        self._arrived.put_nowait(audio_frame)

    async def on_video_frame(self, ten_env: Any, video_frame: VideoFrame) -> None:
        self._arrived.put_nowait(video_frame)


class Stage:
    """``play`` runs a script against one extension (single mode) or against a graph."""

    addon = staticmethod(make_addon)

    def play(
        self,
        sut: Callable[[str], Any] | None,
        script: Script,
        *,
        properties: dict[str, Any] | None = None,
        graph: dict[str, Any] | None = None,
        virtual: bool = False,
        timeout_us: int = 20_000_000,
    ) -> TenError | None:
        tester = ScriptTester(script)
        if graph is not None:
            tester.set_test_mode_graph(json.dumps(graph))
        else:
            assert sut is not None
            tester.set_test_mode_single(make_addon(sut), json.dumps(properties or {}))
        tester.set_virtual_clock(virtual)
        tester.set_timeout(timeout_us)
        verdict = tester.run()
        if tester.error is not None:
            raise tester.error
        return verdict

    def graph(self, connections: list[dict[str, Any]] | None = None, **nodes: Any) -> dict[str, Any]:
        """A graph with the tester; a node is an extension class or a dict with ``of`` and more node fields."""
        entries: list[dict[str, Any]] = [
            {"type": "extension", "name": "ten:test_extension", "addon": "ten:test_extension"}
        ]
        for name, value in nodes.items():
            fields = dict(value) if isinstance(value, dict) else {"of": value}
            addon = make_addon(fields.pop("of"))
            entries.append({"type": "extension", "name": name, "addon": addon, **fields})
        return {"nodes": entries, "connections": connections or []}

    def nodes(self, **classes: Any) -> list[dict[str, Any]]:
        return [{"type": "extension", "name": name, "addon": make_addon(cls)} for name, cls in classes.items()]

    async def close_app(self, env: Any) -> None:
        cmd = Cmd.create("ten:close_app")
        cmd.set_dests([Loc("")])
        await env.send_cmd(cmd)


@pytest.fixture
def stage() -> Stage:
    return Stage()


class ScriptedApp(App):
    """An app with given properties; failures close it."""

    def __init__(self, properties: dict[str, Any]) -> None:
        self.properties = properties
        self.events: list[str] = []

    def on_configure(self, ten_env: Any) -> None:
        self.events.append("configure")
        assert ten_env.init_property_from_json(json.dumps(self.properties)) is None
        ten_env.on_configure_done()

    def on_init(self, ten_env: Any) -> None:
        self.events.append("init")
        ten_env.on_init_done()

    def on_deinit(self, ten_env: Any) -> None:
        self.events.append("deinit")
        ten_env.on_deinit_done()


@pytest.fixture
def app_of() -> Callable[..., ScriptedApp]:
    """An app with one auto-started graph (or the given predefined graphs) on a simulated clock."""

    def make(nodes: list[dict[str, Any]] | None = None, *, virtual: bool = True, **properties: Any) -> ScriptedApp:
        ten = dict(properties.pop("ten", {}))
        if nodes is not None:
            ten["predefined_graphs"] = [{"name": "main", "auto_start": True, "graph": {"nodes": nodes}}]
        app = ScriptedApp({"ten": ten, **properties})
        app.set_virtual_clock(virtual)
        return app

    return make
