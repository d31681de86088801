"""The few functions of mlx.core that the backend calls, by numpy."""

from types import SimpleNamespace

import numpy
from numpy import array, float32, full, int32

random = SimpleNamespace(seed=numpy.random.seed)
__all__ = ["array", "float32", "full", "int32", "random"]
