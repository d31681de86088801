"""Memory that survives: conversations, events to be delivered, and what is remembered for long.

One SQLite file holds all three, because a turn and its events must be written in one transaction.
"""
