"""``ten.manual_trigger_life_cycle``: an extension that starts or stops only when it is told to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ten_graph.settings import STAGES

from .content import CmdContent, ResultContent

if TYPE_CHECKING:
    from .extension_host import ExtensionHost


class ManualStages:
    __slots__ = ("_demanded", "_done", "_host", "_triggered", "_waiting")

    def __init__(self, host: ExtensionHost) -> None:
        self._host = host
        self._demanded: frozenset[str] = frozenset()
        self._triggered: set[str] = set()
        self._done: set[str] = set()
        self._waiting: dict[str, CmdContent] = {}  # the command to answer once the stage is done

    def demand(self, stages: frozenset[str]) -> None:
        self._demanded = stages

    def may_start(self) -> bool:
        return "start" not in self._demanded or "start" in self._triggered

    def may_stop(self) -> bool:
        return "stop" not in self._demanded or "stop" in self._triggered

    def trigger(self, cmd: CmdContent) -> None:
        stage = (cmd.builtin or {}).get("stage")
        problem = self._problem(stage)
        if problem is not None:
            self._host.return_result(ResultContent.error(cmd, problem))
            return
        assert isinstance(stage, str)
        self._triggered.add(stage)
        self._waiting[stage] = cmd
        self._host.resume()

    def _problem(self, stage: object) -> str | None:
        if not stage:
            return "Missing stage field"
        if stage not in STAGES:
            return "Unsupported stage"
        if stage not in self._demanded:
            return f"Extension not configured for manual {stage} control"
        if stage in self._triggered or stage in self._done:
            return f"already past {stage} stage"
        return None

    def release(self) -> None:
        del self._host

    def started(self) -> None:
        self._answer("start")

    def stopped(self) -> None:
        self._done.add("start")  # too late for it now
        self._answer("stop")

    def _answer(self, stage: str) -> None:
        self._done.add(stage)
        cmd = self._waiting.pop(stage, None)
        if cmd is not None:
            self._host.return_result(ResultContent.ok(cmd, "Life cycle triggered successfully"))
