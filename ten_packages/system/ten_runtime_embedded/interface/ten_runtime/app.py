"""A TEN app: owns graphs, from ``run`` to ``close``."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from ._core.app_runner import AppRunner
from ._core.options import Options, from_environment
from ._core.signals import trap_signals
from .error import TenError
from .virtual_clock import is_wanted

if TYPE_CHECKING:
    from .ten_env import TenEnv


class App:
    """Overridden callbacks must acknowledge with ``ten_env.on_*_done()``."""

    _runner: AppRunner | None = None
    _thread: threading.Thread | None = None
    _ended = False
    _close_wanted = False
    _virtual: bool | None = None
    _uncaught: str | None = None

    def on_configure(self, ten_env: TenEnv) -> None:
        ten_env.on_configure_done()

    def on_init(self, ten_env: TenEnv) -> None:
        ten_env.on_init_done()

    def on_deinit(self, ten_env: TenEnv) -> None:
        ten_env.on_deinit_done()

    def run(self, run_in_background: bool) -> None:
        """In the foreground it returns when the app is closed."""
        if self._ended or self._runner is not None:
            raise RuntimeError("Failed to run ten_app.")
        is_virtual = is_wanted() if self._virtual is None else self._virtual
        self._runner = AppRunner(self, self._options(), is_virtual=is_virtual)
        if self._close_wanted:
            self._runner.close()
        if run_in_background:
            self._thread = threading.Thread(target=self._run, name="TenApp", daemon=True)
            self._thread.start()
            return
        with trap_signals(self._runner):
            self._run()

    def _run(self) -> None:
        assert self._runner is not None
        try:
            self._runner.run()
        finally:
            self._ended = True

    def _options(self) -> Options:
        options = from_environment()
        if self._uncaught is None:
            return options
        return Options(uncaught_exception=self._uncaught).checked()

    def wait(self) -> None:
        """Until an app in the background is closed."""
        if self._thread is not None:
            self._thread.join()

    def close(self) -> None:
        """From any thread, any number of times; returns at once."""
        self._close_wanted = True
        if self._runner is not None:
            self._runner.close()

    # Beyond TEN's API -----------------------------------------------------------------------------------------

    def set_virtual_clock(self, enabled: bool) -> None:
        """Before ``run``: simulate time. The default is the environment variable ``TEN_VIRTUAL_CLOCK``."""
        self._virtual = enabled

    def set_uncaught_exception_policy(self, policy: str) -> None:
        """Before ``run``: ``exit``, ``app`` or ``graph``; see ``docs/runtime.md``."""
        self._uncaught = policy

    def failure(self) -> TenError | None:
        """Why the app closed itself; ``None`` when it did not have to."""
        return self._runner.failure if self._runner is not None else None
