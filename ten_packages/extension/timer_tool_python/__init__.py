"""timer_tool_python: see README.md."""

from . import addon as addon
