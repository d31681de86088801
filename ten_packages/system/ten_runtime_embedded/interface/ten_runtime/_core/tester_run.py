"""One run of a tester: a hidden app, a graph, and the tester in the seat of the test extension."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final, Protocol

from ten_graph import FlatGraph, GraphError, Node

from ..error import TenError, TenErrorCode
from . import json_text
from .app_core import AppCore
from .builtin_cmds import flat_graph
from .engine import LOCAL_URI, Engine, GraphStartError
from .extension_host import ExtensionHost
from .host_factory import TEST_EXTENSION
from .loops import LoopThread, new_virtual_loop_thread, shared_loop
from .options import Options
from .routes import Dest

DEFAULT_TIMEOUT_US: Final = 3 * 60 * 1_000_000
_GROUP: Final = "test_extension_group_"


class TesterSeat(Protocol):
    def make_host(self, engine: Engine, node: Node) -> ExtensionHost: ...


class TestPlan:
    """What is to be tested, and for how long."""

    __test__ = False  # not a test class, whatever its name looks like to pytest

    def __init__(self) -> None:
        self.addon: str | None = None
        self.properties: dict[str, Any] = {}
        self.graph_json: str | None = None
        self.timeout_us = DEFAULT_TIMEOUT_US

    def set_single(self, addon_name: str, property_json: str | None) -> None:
        tree = json_text.parse(property_json) if property_json else {}
        assert isinstance(tree, dict), "the properties must be a JSON object"
        self.addon, self.properties, self.graph_json = addon_name, tree, None

    def set_graph(self, graph_json: str) -> None:
        self.addon, self.graph_json = None, graph_json

    def flat(self, app: AppCore) -> FlatGraph:
        if self.graph_json is not None:
            return _with_one_tester(flat_graph(self.graph_json, app.base_dir))
        if self.addon is None:
            raise GraphError("set_test_mode_single or set_test_mode_graph is needed before run")
        tester = Node(TEST_EXTENSION, TEST_EXTENSION, f"{_GROUP}1", "", {})
        tested = Node(self.addon, self.addon, f"{_GROUP}2", "", self.properties)
        return FlatGraph([tester, tested], [])


def _with_one_tester(flat: FlatGraph) -> FlatGraph:
    count = sum(node.addon == TEST_EXTENSION for node in flat.nodes)
    if count != 1:
        raise GraphError(
            f'the graph has {count} nodes of the addon "{TEST_EXTENSION}", the tester plays the part of one',
            where="nodes",
            remedy=f'write {{"type": "extension", "name": "{TEST_EXTENSION}", "addon": "{TEST_EXTENSION}"}} once',
        )
    return flat


class TesterRun:
    """Owns the hidden app. ``stop_test`` and the result are here; the seat makes the host on its own thread."""

    __test__ = False

    def __init__(self, plan: TestPlan, options: Options, *, is_virtual: bool) -> None:
        self.plan = plan
        self._options = options
        self.is_virtual = is_virtual
        self.thread: LoopThread = new_virtual_loop_thread() if is_virtual else shared_loop.acquire()
        self.app: AppCore | None = None
        self._verdict: TenError | None = None

    def start(self, seat: TesterSeat, when_done: Callable[[], None]) -> None:
        self._done = asyncio.run_coroutine_threadsafe(self._main(seat), self.thread.loop)
        self._done.add_done_callback(lambda _done: when_done())

    def result(self) -> TenError | None:
        """After ``when_done``."""
        try:
            self._done.result()
        finally:
            if self.is_virtual:
                self.thread.stop()
            else:
                shared_loop.release()
        if self._options.uncaught_exception == "raise" and self.app is not None and self.app.uncaught is not None:
            raise self.app.uncaught
        return self._verdict

    def stop_test(self, error: TenError | None) -> None:
        """From any thread. The first error counts; a later ``None`` does not clear it."""
        if error is not None and self._verdict is None:
            self._verdict = error
        if self.app is not None:
            self.app.close()

    async def _main(self, seat: TesterSeat) -> None:
        app = AppCore(self.thread, self._options, is_virtual=self.is_virtual)
        self.app = app
        app.tester = seat
        app.enter(LOCAL_URI)
        timer = None
        if self.plan.timeout_us > 0:
            timer = app.loop.call_later(self.plan.timeout_us / 1e6, self._timed_out)
        try:
            connect = self._connect_all if self.plan.addon is not None else None
            await app.unless_closing(app.start_graph(self.plan.flat(app), before_begin=connect))
            await app.wait_until_closing()
        except (GraphError, GraphStartError) as reason:
            code = reason.code if isinstance(reason, GraphError) else TenErrorCode.ErrorCodeInvalidGraph
            self.stop_test(TenError.create(code, str(reason)))
        await app.close_engines()
        if timer is not None:
            timer.cancel()
        app.leave()
        if app.failure is not None and self._verdict is None:
            self._verdict = app.failure

    def _connect_all(self, engine: Engine) -> None:
        """Whatever one side sends goes to the other."""
        tester, tested = engine.hosts[TEST_EXTENSION], engine.hosts[str(self.plan.addon)]
        tester.only_peer = [Dest(tested)]
        tested.only_peer = [Dest(tester)]

    def _timed_out(self) -> None:
        self.stop_test(TenError.create(TenErrorCode.ErrorCodeTimeout, "Test timeout."))
