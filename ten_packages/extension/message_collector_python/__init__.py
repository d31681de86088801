"""message_collector_python: see README.md."""

from . import addon as addon
