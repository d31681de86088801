"""Keeps garbage collections short while people talk.

A full collection walks over every object that refers to others, and everybody waits: 24 ms with fifty conversations. So what was loaded
until the app is up is taken out of its way for good, and a full collection runs when the app says so, at a quiet moment or after many
conversations, and not whenever enough was allocated. A conversation leaves hardly any circles behind: counting references frees
nearly all of it, collected or not, and the short collections of young objects go on as ever.
"""

from __future__ import annotations

import gc

_NEVER = 1_000_000


def settle() -> None:
    """All that lives now lives as long as the process. From here on full collections wait for `tidy`."""
    gc.collect()
    gc.freeze()
    young, middle, _ = gc.get_threshold()
    gc.set_threshold(young, middle, _NEVER)


def tidy() -> None:
    """A full collection, now. It takes about 0.3 ms for each conversation that goes on."""
    gc.collect()


def let_go() -> None:
    """Collections as Python does them by itself."""
    young, middle, _ = gc.get_threshold()
    gc.set_threshold(young, middle, 10)
    gc.unfreeze()
