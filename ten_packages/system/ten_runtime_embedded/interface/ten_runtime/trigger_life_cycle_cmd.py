from __future__ import annotations

from .cmd import Cmd


class TriggerLifeCycleCmd(Cmd):
    """Lets an extension go on that waits before ``start`` or ``stop`` (``ten.manual_trigger_life_cycle``)."""

    __slots__ = ()

    @classmethod
    def create(cls, name: str = "ten:trigger_life_cycle") -> TriggerLifeCycleCmd:
        cmd = super().create("ten:trigger_life_cycle")
        assert isinstance(cmd, cls)
        return cmd

    def set_stage(self, stage: str) -> bool:
        self._content.set_field("stage", stage)
        return True
