"""main_control_python: the conversation itself."""

from . import addon as addon
