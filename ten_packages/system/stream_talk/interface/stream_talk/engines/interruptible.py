"""ONNX models that can be stopped in the middle of a run.

A run of a voice takes as long as its sentence needs, tens to hundreds of milliseconds, and knows no cancel. onnxruntime gives up
between two operators when its run options say so; the caller is inside the run, so somebody else has to tell.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from stream_talk.engines.interfaces import CancelToken

_LOOK_EVERY_S = 0.002


class RunCancelled(Exception):
    """The model was told to stop, and did."""


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
        options = self._new_options()
        done = threading.Event()
        watcher = threading.Thread(target=_watch, args=(cancel, done, options), name="onnx-cancel", daemon=True)
        watcher.start()
        try:
            return list(self._session.run(outputs, feeds, options))
        except Exception as error:
            if cancel.cancelled:
                raise RunCancelled from error
            raise
        finally:
            done.set()
            watcher.join()


def _watch(cancel: CancelToken, done: threading.Event, options: Any) -> None:
    # A cancel token can only be read, so it is read while waiting for the end of the run.
    while not done.wait(_LOOK_EVERY_S):
        if cancel.cancelled:
            options.terminate = True
            return
