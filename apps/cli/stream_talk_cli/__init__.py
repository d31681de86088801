"""The command `stream-talk`."""
