"""Digital silence never reaches the library as exact zeros: it would make every later hop slow."""

import numpy as np

from ten_packages.extension.ten_vad_python.engine import TenVadEngine


class Library:
    def __init__(self):
        self.hops = []

    def process(self, hop):
        self.hops.append(hop)
        return 0.0, 0


def test_exact_zeros_become_the_faintest_sound():
    engine = TenVadEngine()
    engine._vad = library = Library()
    loud = np.full(256, 500, dtype=np.int16)
    engine.probability(np.zeros(256, dtype=np.int16))
    engine.probability(loud)
    silent, passed = library.hops
    assert silent.any() and np.abs(silent).max() == 1 and len(silent) == 256
    assert passed is loud
