"""The kit: everything the stages of a conversation share. Imports no runtime, except in `stream_talk.ten`."""

__version__ = "0.1.0"
