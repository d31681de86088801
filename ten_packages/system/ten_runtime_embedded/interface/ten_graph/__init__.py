"""TEN graphs without a runtime: loading, checking and flattening, placeholders, manifest schemas, message conversion.

Standard library only. The embedded runtime, the kit and `stream-talk graph check` share it, so that all of them see one wiring.
"""

from ten_graph.errors import GraphError, Problem
from ten_graph.flatten import flatten
from ten_graph.model import KINDS, Connection, Dest, ExposedMessage, FlatGraph, Node
from ten_graph.source import load_graph_file

__all__ = [
    "KINDS",
    "Connection",
    "Dest",
    "ExposedMessage",
    "FlatGraph",
    "GraphError",
    "Node",
    "Problem",
    "flatten",
    "load_graph_file",
]
