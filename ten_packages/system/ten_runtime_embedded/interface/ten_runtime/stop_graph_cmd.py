from __future__ import annotations

from .cmd import Cmd


class StopGraphCmd(Cmd):
    """Stops a graph of this app; answered once it is closed."""

    __slots__ = ()

    @classmethod
    def create(cls, name: str = "ten:stop_graph") -> StopGraphCmd:
        cmd = super().create("ten:stop_graph")
        assert isinstance(cmd, cls)
        return cmd

    def set_graph_id(self, graph_id: str) -> bool:
        self._content.set_field("graph_id", graph_id)
        return True
