"""The wiring of a flat graph as text for a terminal, or as mermaid or dot for a page."""

from __future__ import annotations

from collections.abc import Iterator

from ten_graph import Connection, FlatGraph

FORMATS = ("text", "mermaid", "dot")
HOST = "host"


def draw(graph: FlatGraph, format_: str, *, title: str = "") -> str:
    return {"text": _text, "mermaid": _mermaid, "dot": _dot}[format_](graph, title)


def _text(graph: FlatGraph, title: str) -> str:
    width = max((len(node.name) for node in graph.nodes), default=0)
    lines = [title] if title else []
    lines += ["nodes", *(f"  {node.name:<{width}}  {node.addon}" for node in graph.nodes)]
    if graph.exposed_messages:
        lines.append("ports")
        for port in graph.exposed_messages:
            arrow = "->" if port.direction == "in" else "<-"
            lines.append(f"  {port.direction:<3} {port.kind} {port.name} {arrow} {port.extension}")
    if graph.connections:
        lines.append("edges")
    for sender in dict.fromkeys(edge.extension for edge in graph.connections):
        lines.append(f"  {sender}")
        lines += [f"    {kind} {names} -> {receivers}" for kind, names, receivers in _bundles(graph, sender)]
    return "\n".join([*lines, *(f"note: {notice}" for notice in graph.notices)])


def _bundles(graph: FlatGraph, sender: str) -> Iterator[tuple[str, str, str]]:
    """Messages of one kind that go to the same receivers share a line."""
    bundles: dict[tuple[str, str], list[str]] = {}
    for edge in graph.connections:
        if edge.extension == sender:
            bundles.setdefault((edge.kind, _receivers(edge)), []).append(edge.name)
    for (kind, receivers), names in bundles.items():
        yield kind, ", ".join(names), receivers


def _receivers(edge: Connection) -> str:
    return ", ".join(
        f"{dest.extension} (converted)" if dest.conversion is not None else dest.extension for dest in edge.dests
    )


def _arrows(graph: FlatGraph) -> Iterator[tuple[str, str, str, list[str]]]:
    """(sender, receiver, kind, names): one arrow per pair of nodes and kind of message; the host stands for all ports."""
    arrows: dict[tuple[str, str, str], list[str]] = {}
    for port in graph.exposed_messages:
        ends = (HOST, port.extension) if port.direction == "in" else (port.extension, HOST)
        arrows.setdefault((*ends, port.kind), []).append(port.name)
    for edge in graph.connections:
        for dest in edge.dests:
            arrows.setdefault((edge.extension, dest.extension, edge.kind), []).append(edge.name)
    for (sender, receiver, kind), names in arrows.items():
        yield sender, receiver, kind, names


def _mermaid(graph: FlatGraph, title: str) -> str:
    ids = _ids(graph)
    lines = ["---", f"title: {_quoted(title)}", "---"] if title else []
    lines.append("flowchart LR")
    if graph.exposed_messages:
        lines.append(f"  {ids[HOST]}(({HOST}))")
    lines += [f'  {ids[node.name]}["{_html(node.name)}<br><small>{_html(node.addon)}</small>"]' for node in graph.nodes]
    for sender, receiver, kind, names in _arrows(graph):
        arrow = "==>" if kind in ("audio_frame", "video_frame") else "-.->" if kind == "cmd" else "-->"
        lines.append(f'  {ids[sender]} {arrow}|"{"<br>".join(_html(name) for name in names)}"| {ids[receiver]}')
    return "\n".join(lines)


def _dot(graph: FlatGraph, title: str) -> str:
    lines = ["digraph {", "  rankdir=LR;", '  node [shape=box, style=rounded, fontname="sans-serif"];']
    if title:
        lines.append(f"  label={_quoted(title)};")
    if graph.exposed_messages:
        lines.append(f"  {_quoted(HOST)} [shape=circle];")
    lines += [f"  {_quoted(node.name)} [label={_quoted(node.name + chr(10) + node.addon)}];" for node in graph.nodes]
    for sender, receiver, kind, names in _arrows(graph):
        style = ", penwidth=2" if kind in ("audio_frame", "video_frame") else ", style=dashed" if kind == "cmd" else ""
        lines.append(f"  {_quoted(sender)} -> {_quoted(receiver)} [label={_quoted(chr(10).join(names))}{style}];")
    return "\n".join([*lines, "}"])


def _ids(graph: FlatGraph) -> dict[str, str]:
    """Mermaid reserves words such as `end`: nodes get neutral ids."""
    return {HOST: "h", **{node.name: f"n{index}" for index, node in enumerate(graph.nodes)}}


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def _html(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
