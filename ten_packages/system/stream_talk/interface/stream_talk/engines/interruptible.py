"""ONNX models that can be left in the middle of a run.

A run of a voice takes as long as its sentence needs, tens to hundreds of milliseconds, and knows no cancel. onnxruntime gives up
between two operators when its run options say so, but one operator of a long sentence alone takes tens of milliseconds. So the run is
made on a thread of its own: who cancels goes away at once and may begin the next one, while the old one ends at its operator.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from stream_talk.engines.interfaces import CancelToken

_LOOK_EVERY_S = 0.001


class RunCancelled(Exception):
    """The request was cancelled. The model may be used again."""


class InterruptibleSession:
    """Stands in for an `onnxruntime.InferenceSession`; `new_options` is `onnxruntime.RunOptions`. `cancel` belongs to the request that
    runs now; None lets it run to its end."""

    def __init__(self, session: Any, new_options: Callable[[], Any]) -> None:
        self._session = session
        self._new_options = new_options
        self.cancel: CancelToken | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)

    def run(self, outputs: Sequence[str] | None, feeds: Mapping[str, Any]) -> list[Any]:
        cancel = self.cancel
        if cancel is None:
            return list(self._session.run(outputs, feeds))
        if cancel.cancelled:
            raise RunCancelled
        run = _Run(self._session, outputs, feeds, self._new_options())
        # A cancel token can only be read, so it is read while waiting for the end of the run.
        while not run.done.wait(_LOOK_EVERY_S):
            if cancel.cancelled:
                run.options.terminate = True
                raise RunCancelled
        if run.error is not None:
            raise run.error
        return run.results


class _Run:
    """One call of the model. Sessions of onnxruntime may be run by several threads at once."""

    def __init__(self, session: Any, outputs: Sequence[str] | None, feeds: Mapping[str, Any], options: Any) -> None:
        self.options = options
        self.done = threading.Event()
        self.results: list[Any] = []
        self.error: Exception | None = None
        threading.Thread(target=self._work, args=(session, outputs, feeds), name="onnx-run", daemon=True).start()

    def _work(self, session: Any, outputs: Sequence[str] | None, feeds: Mapping[str, Any]) -> None:
        try:
            self.results = list(session.run(outputs, feeds, self.options))
        except Exception as error:
            self.error = error
        finally:
            self.done.set()
