"""Everything wrong with a graph file, in one pass: what `stream-talk graph check` prints."""

from stream_talk.graph.check.context import CheckContext, CheckFunction, make_context
from stream_talk.graph.check.run import CHECKS, MACHINE_CHECKS, SOUND_CHECKS, check_file

__all__ = ["CHECKS", "MACHINE_CHECKS", "SOUND_CHECKS", "CheckContext", "CheckFunction", "check_file", "make_context"]
