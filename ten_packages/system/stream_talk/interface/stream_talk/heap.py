"""Keeps garbage collections short while people talk.

A full collection walks over every object that refers to others, and everybody waits: 24 ms with fifty conversations. What lives long
is therefore taken out of its way: all that was loaded until the app is up, and each conversation once it is built. A
conversation leaves no circles behind, so counting references frees it, collected or not. What did end up in a circle after all is
looked for when nobody is talking.
"""

from __future__ import annotations

import gc


def settle() -> None:
    """All that lives now lives long. Looks for garbage first, so it takes a while: call it when nobody waits."""
    gc.unfreeze()
    gc.collect()
    gc.freeze()


def keep() -> None:
    """What was built just now lives as long as a conversation. Takes no time."""
    gc.freeze()
