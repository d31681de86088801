"""Signals: what closes an app from outside."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

APP = """
import sys
from ten_runtime import *
class Plain(AsyncExtension):
    async def on_start(self, env):
        print("up", flush=True)
    async def on_stop(self, env):
        print("stopped", flush=True)
        if "stubborn" in sys.argv:
            import asyncio
            await asyncio.sleep(100)
@register_addon_as_extension("plain")
class A(Addon):
    def on_create_instance(self, ten_env, name, context):
        ten_env.on_create_instance_done(Plain(name), context)
class MyApp(App):
    def on_configure(self, ten_env):
        nodes = '[{"type": "extension", "name": "p", "addon": "plain"}]'
        graph = '{"name": "g", "auto_start": true, "graph": {"nodes": %s}}' % nodes
        ten_env.init_property_from_json('{"ten": {"predefined_graphs": [%s]}}' % graph)
        ten_env.on_configure_done()
MyApp().run(False)
print("closed", flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
@pytest.mark.parametrize("stubborn", [False, True])
def test_the_first_signal_closes_in_order_and_the_second_ends_the_process(stubborn: bool, tmp_path: Path) -> None:
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", APP, *(["stubborn"] if stubborn else [])]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=env, cwd=tmp_path
    )
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "up\n"
        process.send_signal(signal.SIGTERM)
        assert process.stdout.readline() == "stopped\n"
        if stubborn:
            process.send_signal(signal.SIGINT)
            assert process.wait(10) == 1
        else:
            assert process.stdout.readline() == "closed\n"
            assert process.wait(10) == 0
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize(("disabled", "hooked"), [("false", True), ("true", False)])
def test_signals_are_hooked_only_while_an_app_runs_in_the_foreground(
    app_of: Any, monkeypatch: pytest.MonkeyPatch, disabled: str, hooked: bool
) -> None:
    monkeypatch.setenv("TEN_DISABLE_SIGNAL_TRAP", disabled)
    before = signal.getsignal(signal.SIGTERM)
    during: list[Any] = []
    app = app_of()
    acknowledge = app.on_init

    def on_init(ten_env: Any) -> None:
        during.append(signal.getsignal(signal.SIGTERM))
        acknowledge(ten_env)
        app.close()

    app.on_init = on_init
    app.run(False)
    assert (during[0] is not before) is hooked
    assert signal.getsignal(signal.SIGTERM) is before


AT_AN_AWKWARD_MOMENT = """
import os, signal, sys
from ten_runtime import App
from ten_runtime._core.log import log_system
from ten_runtime._core.registry import running_apps
class MyApp(App):
    def on_configure(self, ten_env):
        self.strike("on_configure")
        ten_env.on_configure_done()
    def on_init(self, ten_env):
        self.strike("on_init")
        ten_env.on_init_done()
    def strike(self, where):
        if where == sys.argv[1]:
            with log_system._lock, running_apps._lock:  # as in the middle of a log line of the app's own callback
                os.kill(os.getpid(), signal.SIGHUP)
                os.kill(os.getpid(), signal.SIGTERM)
MyApp().run(False)
print("closed", flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
@pytest.mark.parametrize("where", ["on_configure", "on_init"])
def test_a_signal_needs_no_lock_and_counts_from_the_first_callback_on(where: str, tmp_path: Path) -> None:
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", AT_AN_AWKWARD_MOMENT, where]
    ended = subprocess.run(command, capture_output=True, text=True, env=env, cwd=tmp_path, timeout=20)
    assert ended.stdout == "closed\n", ended.stderr
    assert ended.returncode == 0
