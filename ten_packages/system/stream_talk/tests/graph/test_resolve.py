import json

import pytest
from stream_talk.graph import FlatGraph, GraphError, Node, attach_host, resolve_graph


def write(path, tree):
    path.write_text(json.dumps(tree))
    return path


def node(name, **properties):
    return {"type": "extension", "name": name, "addon": "x", "property": properties}


def test_environment_is_resolved(tmp_path):
    path = write(tmp_path / "g.json", {"nodes": [node("llm", key="${env:KEY}", url="${env:URL|http://localhost}")]})
    graph = resolve_graph(path, environ={"KEY": "k"})
    assert graph.node("llm").property == {"key": "k", "url": "http://localhost"}


def test_a_missing_variable_names_file_and_node(tmp_path):
    path = write(tmp_path / "g.json", {"nodes": [node("llm", params={"key": "${env:KEY}"})]})
    with pytest.raises(GraphError) as caught:
        resolve_graph(path, environ={})
    assert str(caught.value) == (
        f'{path}: node "llm" property.params.key: the environment variable KEY is not set and the placeholder has no default; '
        "set KEY, or write ${env:KEY|default}"
    )


SESSION = {
    "nodes": [node("vad"), node("guard"), node("tts")],
    "connections": [{"extension": "tts", "data": [{"name": "done", "dest": [{"extension": "vad"}]}]}],
    "exposed_messages": [
        {"type": "audio_frame_in", "name": "pcm", "extension": "vad"},
        {"type": "data_in", "name": "playout_report", "extension": "vad"},
        {"type": "data_in", "name": "playout_report", "extension": "guard"},
        {"type": "data_out", "name": "done", "extension": "tts"},
    ],
}


def test_a_host_takes_the_place_of_the_ports(tmp_path):
    graph = resolve_graph(write(tmp_path / "g.json", SESSION))
    whole = attach_host(graph, Node("wav", "wav_io_python", property={"path": "a.wav"}))
    assert isinstance(whole, FlatGraph)
    assert whole.exposed_messages == []
    assert whole.nodes[-1].name == "wav"
    edges = {(e.extension, e.kind, e.name): [d.extension for d in e.dests] for e in whole.connections}
    assert edges == {
        ("tts", "data", "done"): ["vad", "wav"],
        ("wav", "audio_frame", "pcm"): ["vad"],
        ("wav", "data", "playout_report"): ["vad", "guard"],
    }
    assert [d.extension for d in graph.connections[0].dests] == ["vad"], "the session graph itself is not changed"


def test_a_host_needs_a_name_of_its_own(tmp_path):
    graph = resolve_graph(write(tmp_path / "g.json", SESSION))
    with pytest.raises(GraphError, match='already has a node "tts"'):
        attach_host(graph, Node("tts", "x"))
