"""Errors that a person made or can mend: told in one line, without a traceback."""


class CommandError(Exception):
    """A command cannot do its job. The text says why and what to do."""
