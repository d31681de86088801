"""wav_io_python: see README.md."""

from . import addon as addon
