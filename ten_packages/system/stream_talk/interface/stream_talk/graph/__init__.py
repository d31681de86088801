"""Graph files: loading them with their bases, resolving them for a runtime, checking and listing them."""

from ten_graph import FlatGraph, GraphError, Node, Problem

from stream_talk.graph.catalog import Offer, find_graph, offered_graphs
from stream_talk.graph.document import Document, load_document
from stream_talk.graph.home import addon_roots, app_home
from stream_talk.graph.host import attach_host
from stream_talk.graph.info import GraphInfo
from stream_talk.graph.resolve import flatten_document, resolve_graph

__all__ = [
    "Document",
    "FlatGraph",
    "GraphError",
    "GraphInfo",
    "Node",
    "Offer",
    "Problem",
    "addon_roots",
    "app_home",
    "attach_host",
    "find_graph",
    "flatten_document",
    "load_document",
    "offered_graphs",
    "resolve_graph",
]
