from __future__ import annotations

import threading
import time

import pytest
from stream_talk.engines.interruptible import InterruptibleSession, RunCancelled


class Token:
    cancelled = False


class Options:
    terminate = False


class Session:
    """Runs until it is told to stop, like a long sentence; `began` says that it is inside."""

    def __init__(self) -> None:
        self.began = threading.Event()

    def run(self, outputs, feeds, options=None):
        self.began.set()
        if feeds["long"]:
            while not options.terminate:
                threading.Event().wait(0.001)
            raise RuntimeError("Exiting due to terminate flag being set to true.")
        return ["sound"]

    def get_inputs(self):
        return ["tokens"]


def test_it_runs_and_passes_everything_else_on():
    session = InterruptibleSession(Session(), Options)
    assert session.run(None, {"long": False}) == ["sound"]
    session.cancel = Token()
    assert session.run(None, {"long": False}) == ["sound"]
    assert session.get_inputs() == ["tokens"]


def test_a_run_ends_when_its_request_is_cancelled():
    inner, token = Session(), Token()
    session = InterruptibleSession(inner, Options)
    session.cancel = token

    def cancel_it() -> None:
        inner.began.wait(5)
        token.cancelled = True

    threading.Thread(target=cancel_it).start()
    with pytest.raises(RunCancelled):
        session.run(None, {"long": True})
    session.cancel = Token()
    assert session.run(None, {"long": False}) == ["sound"]


def test_an_operator_that_does_not_end_is_left_behind():
    """The next request begins while the old run is still inside its operator."""

    class Stubborn(Session):
        def run(self, outputs, feeds, options=None):
            self.began.set()
            if feeds["long"]:
                operator_ends.wait(10)
                raise RuntimeError("Exiting due to terminate flag being set to true.")
            return ["sound"]

    operator_ends = threading.Event()
    inner, token = Stubborn(), Token()
    session = InterruptibleSession(inner, Options)
    session.cancel = token
    threading.Thread(target=lambda: (inner.began.wait(5), setattr(token, "cancelled", True))).start()
    started = time.monotonic()
    with pytest.raises(RunCancelled):
        session.run(None, {"long": True})
    session.cancel = Token()
    assert session.run(None, {"long": False}) == ["sound"]
    assert time.monotonic() - started < 5
    assert any(thread.name == "onnx-run" for thread in threading.enumerate())
    operator_ends.set()
    for thread in [thread for thread in threading.enumerate() if thread.name == "onnx-run"]:
        thread.join(5)
        assert not thread.is_alive()


def test_an_error_of_the_model_stays_an_error():
    class Broken:
        def run(self, outputs, feeds, options=None):
            raise RuntimeError("bad input")

    session = InterruptibleSession(Broken(), Options)
    session.cancel = Token()
    with pytest.raises(RuntimeError, match="bad input"):
        session.run(None, {})
