"""Environments of engines: how each is built, and taken away again."""
