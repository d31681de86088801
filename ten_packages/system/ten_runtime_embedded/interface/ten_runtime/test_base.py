"""What sync and async testers share."""

from __future__ import annotations

from typing import Any

from ._core.options import Options, for_testers
from ._core.tester_run import TesterRun, TestPlan
from .error import TenError
from .extension import BaseExtension
from .ten_env_base import closed_error
from .virtual_clock import is_wanted

_CALLBACKS = ("on_init", "on_start", "on_stop", "on_deinit", "on_cmd", "on_data", "on_audio_frame", "on_video_frame")


def take_callbacks(part: BaseExtension, tester: TesterBase) -> None:
    """The test extension plays the tester's part: what it is called with goes straight there."""
    for callback in _CALLBACKS:
        setattr(part, callback, getattr(tester, callback))


class TesterBase:
    """State is made when it is first needed: subclasses need not call ``super().__init__()``."""

    _plan_made: TestPlan | None = None
    _virtual: bool | None = None
    _uncaught: str | None = None

    @property
    def _plan(self) -> TestPlan:
        if self._plan_made is None:
            self._plan_made = TestPlan()
        return self._plan_made

    def set_test_mode_single(self, addon_name: str, property_json_str: str | None = None) -> None:
        """Test one addon: every message of either side reaches the other."""
        self._plan.set_single(addon_name, property_json_str)

    def set_test_mode_graph(self, graph_json: str) -> None:
        """Test a graph that has a node ``ten:test_extension``, whose part the tester plays."""
        self._plan.set_graph(graph_json)

    def set_timeout(self, timeout_us: int) -> None:
        """Microseconds; 0 turns it off."""
        self._plan.timeout_us = timeout_us

    # Beyond TEN's API -----------------------------------------------------------------------------------------

    def set_virtual_clock(self, enabled: bool) -> None:
        """Simulate time in this run. The default is the environment variable ``TEN_VIRTUAL_CLOCK``."""
        self._virtual = enabled

    def set_uncaught_exception_policy(self, policy: str) -> None:
        """``exit`` (the default, as natively), ``app``: fail this run with a ``TenError``, or ``raise`` (the default
        under pytest): ``run`` raises the exception."""
        self._uncaught = policy

    def _new_run(self) -> TesterRun:
        options = for_testers()
        if self._uncaught is not None:
            options = Options(uncaught_exception=self._uncaught).checked()
        return TesterRun(self._plan, options, is_virtual=is_wanted() if self._virtual is None else self._virtual)


class StopTest:
    """Mixin of both environments; ``_host`` and ``_run`` are theirs."""

    _host: Any
    _run: TesterRun

    def stop_test(self, error: TenError | None = None) -> TenError | None:
        """Ends the run; may be called at any time, from any thread and more than once."""
        if self._host.closed:
            return closed_error("stop_test")
        self._run.stop_test(error)
        return None
