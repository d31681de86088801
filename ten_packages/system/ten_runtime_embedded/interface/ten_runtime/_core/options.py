"""What an app can choose that TEN has no name for: the app property ``ten_embedded`` and environment variables."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

ON_UNCAUGHT = ("exit", "app", "graph", "raise")


@dataclass(frozen=True)
class Options:
    """``uncaught_exception``: ``exit`` ends the process at once (as natively), ``app`` closes the app with an error,
    ``graph`` closes the graph with an error and the app only when the graph is one of its own, ``raise`` is ``app`` for
    apps and lets a tester's ``run`` raise the exception."""

    uncaught_exception: str = "exit"
    inbox_limit: int = 12_800
    start_timeout_s: float = 300.0  # for on_configure and on_init; models are loaded there
    stop_timeout_s: float = 20.0  # for on_stop and on_deinit

    def with_properties(self, tree: Mapping[str, Any]) -> Options:
        """Raises ``ValueError`` for what is not an option or not of its type."""
        known = {field.name: type(getattr(self, field.name)) for field in fields(self)}
        changes: dict[str, Any] = {}
        for name, value in tree.items():
            wanted = known.get(name)
            if wanted is None:
                raise ValueError(f"ten_embedded.{name}: unknown option; known: {', '.join(known)}")
            if wanted is float and isinstance(value, int) and not isinstance(value, bool):
                value = float(value)
            if type(value) is not wanted or (wanted is not str and value <= 0):
                raise ValueError(f"ten_embedded.{name}: a positive {wanted.__name__} is needed, not {value!r}")
            changes[name] = value
        return replace(self, **changes).checked()

    def checked(self) -> Options:
        if self.uncaught_exception not in ON_UNCAUGHT:
            raise ValueError(f"uncaught_exception: {self.uncaught_exception!r} is not one of {', '.join(ON_UNCAUGHT)}")
        return self


def from_environment() -> Options:
    return Options(uncaught_exception=os.environ.get("TEN_UNCAUGHT_EXCEPTION", "exit")).checked()


def for_testers() -> Options:
    """Under pytest the exception is raised from ``run``, which fails the test as surely as ending the process would,
    and shows where."""
    default = "raise" if "PYTEST_CURRENT_TEST" in os.environ else "exit"
    return Options(uncaught_exception=os.environ.get("TEN_UNCAUGHT_EXCEPTION", default)).checked()
