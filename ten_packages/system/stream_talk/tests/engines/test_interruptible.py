from __future__ import annotations

import threading

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


def test_an_error_of_the_model_stays_an_error():
    class Broken:
        def run(self, outputs, feeds, options=None):
            raise RuntimeError("bad input")

    session = InterruptibleSession(Broken(), Options)
    session.cancel = Token()
    with pytest.raises(RuntimeError, match="bad input"):
        session.run(None, {})
