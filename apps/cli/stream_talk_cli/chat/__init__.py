"""Talking from a terminal: the protocol's client, the machine's sound, and live captions in lines of text."""
