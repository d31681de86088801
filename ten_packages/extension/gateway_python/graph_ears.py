"""What a running graph says, on its way to the session that started it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .session import Session


class GraphEars:
    """The ears of a session for one graph; deaf as soon as another graph has taken over."""

    def __init__(self, session: Session, epoch: int) -> None:
        self._session = session
        self._epoch = epoch

    @property
    def _is_current(self) -> bool:
        return self._session.closed is None and self._session.epoch == self._epoch

    def on_graph_audio(self, pcm: bytes, sample_rate_hz: int, metadata: Mapping[str, Any]) -> None:
        if self._is_current:
            self._session.take_graph_audio(pcm, sample_rate_hz, metadata)

    def on_graph_data(self, name: str, payload: Mapping[str, Any]) -> None:
        if self._is_current:
            self._session.take_graph_data(name, payload)

    def on_graph_cmd(self, name: str, payload: Mapping[str, Any]) -> None:
        if self._is_current:
            self._session.take_graph_cmd(name, payload)
