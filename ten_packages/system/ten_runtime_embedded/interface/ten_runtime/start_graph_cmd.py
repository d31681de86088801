from __future__ import annotations

from ._core.graph_text import check_graph_json
from .cmd import Cmd


class StartGraphCmd(Cmd):
    """Starts another graph of this app; the result's ``graph_id`` addresses it."""

    __slots__ = ()

    @classmethod
    def create(cls, name: str = "ten:start_graph") -> StartGraphCmd:
        cmd = super().create("ten:start_graph")
        assert isinstance(cmd, cls)
        return cmd

    def set_predefined_graph_name(self, predefined_graph_name: str) -> bool:
        self._content.set_field("predefined_graph", predefined_graph_name)
        return True

    def set_graph_from_json(self, json_str: str) -> bool:
        """False (and a log line) when this is not a graph; only what needs no file is checked here."""
        if not check_graph_json(json_str):
            return False
        self._content.set_field("graph_json", json_str)
        return True

    def set_sync_stop_before_deinit(self, sync_stop_before_deinit: bool) -> bool:
        self._content.set_field("sync_stop_before_deinit", bool(sync_stop_before_deinit))
        return True
