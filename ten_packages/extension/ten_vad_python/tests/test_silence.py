"""Digital silence never reaches the library as exact zeros: it would make every later hop slow."""

import ctypes
from typing import Any

import numpy as np

from ..engine import TenVadEngine


def test_exact_zeros_become_the_faintest_sound() -> None:
    engine = TenVadEngine()
    engine.load()
    library, hops = engine._process, []

    def process(handle: Any, samples: ctypes.c_void_p, count: ctypes.c_size_t, *outputs: Any) -> int:
        hops.append(np.array((ctypes.c_int16 * count.value).from_address(samples.value or 0)))
        return int(library(handle, samples, count, *outputs))

    engine._process = process
    loud = np.full(256, 500, dtype=np.int16)
    engine.probability(np.zeros(256, dtype=np.int16))
    engine.probability(loud)
    silent, passed = hops
    assert silent.any() and np.abs(silent).max() == 1 and len(silent) == 256
    assert np.array_equal(passed, loud)
