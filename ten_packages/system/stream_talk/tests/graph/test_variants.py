"""`extends`: a graph that differs from another in a few nodes."""

import json

import pytest
from stream_talk.graph import GraphError, load_document, resolve_graph

BASE = {
    "stream_talk": {"title": "Base"},
    "nodes": [
        {"type": "extension", "name": "vad", "addon": "v", "extension_group": "ears"},
        {
            "type": "extension",
            "name": "stt",
            "addon": "s",
            "property": {"lang": "en", "params": {"model": "tiny", "hot": ["a", "b"]}},
        },
        {"type": "extension", "name": "tts", "addon": "t", "property": {"voice": "x"}},
    ],
    "connections": [
        {"extension": "vad", "audio_frame": [{"name": "pcm", "dest": [{"extension": "stt"}, {"extension": "tts"}]}]},
        {"extension": "tts", "cmd": [{"names": ["start", "end"], "source": [{"extension": "vad"}]}]},
    ],
    "exposed_messages": [{"type": "audio_frame_in", "name": "pcm", "extension": "vad"}],
}


@pytest.fixture
def load(tmp_path):
    (tmp_path / "base.json").write_text(json.dumps(BASE))

    def load(**variant):
        (tmp_path / "variant.json").write_text(json.dumps({"extends": "base.json", **variant}))
        return load_document(tmp_path / "variant.json")

    return load


def edges(tmp_path):
    graph = resolve_graph(tmp_path / "variant.json")
    return {(e.extension, e.name): [d.extension for d in e.dests] for e in graph.connections}


def test_a_variant_of_nothing_is_its_base(load):
    expected = {key: value for key, value in BASE.items() if key != "stream_talk"}
    assert load().graph == expected


def test_an_addon_replaces_the_node_in_its_place(load):
    nodes = load(nodes=[{"name": "vad", "addon": "silero", "property": {"a": 1}}]).graph["nodes"]
    assert nodes[0] == {
        "type": "extension",
        "extension_group": "ears",
        "name": "vad",
        "addon": "silero",
        "property": {"a": 1},
    }
    assert [node["name"] for node in nodes] == ["vad", "stt", "tts"]


def test_a_replaced_node_does_not_inherit_properties_of_another_addon(load):
    nodes = load(nodes=[{"name": "tts", "addon": "other"}]).graph["nodes"]
    assert "property" not in nodes[2]


def test_without_an_addon_properties_are_laid_over(load):
    nodes = load(nodes=[{"name": "stt", "property": {"lang": "zh", "params": {"hot": ["c"]}}}]).graph["nodes"]
    assert nodes[1]["addon"] == "s"
    assert nodes[1]["property"] == {"lang": "zh", "params": {"model": "tiny", "hot": ["c"]}}


def test_a_new_node_with_edges_and_ports(load, tmp_path):
    load(
        nodes=[{"type": "extension", "name": "guard", "addon": "g"}],
        connections=[{"extension": "guard", "audio_frame": [{"name": "pcm", "dest": [{"extension": "vad"}]}]}],
        exposed_messages=[
            {"type": "audio_frame_in", "name": "pcm", "remove": True},
            {"type": "audio_frame_in", "name": "pcm", "extension": "guard"},
        ],
    )
    graph = resolve_graph(tmp_path / "variant.json")
    assert edges(tmp_path)[("guard", "pcm")] == ["vad"]
    assert [port.extension for port in graph.exposed_messages] == ["guard"]


def test_a_removed_node_takes_its_edges_and_ports_with_it(load, tmp_path):
    load(nodes=[{"name": "vad", "remove": True}])
    graph = resolve_graph(tmp_path / "variant.json")
    assert [node.name for node in graph.nodes] == ["stt", "tts"]
    assert graph.connections == []
    assert graph.exposed_messages == []


def test_one_receiver_of_an_edge_is_removed(load, tmp_path):
    flow = {"name": "pcm", "dest": [{"extension": "tts"}], "remove": True}
    load(connections=[{"extension": "vad", "audio_frame": [flow]}])
    assert edges(tmp_path)[("vad", "pcm")] == ["stt"]


def test_other_senders_of_the_same_message_keep_their_edges(load, tmp_path):
    load(
        nodes=[{"type": "extension", "name": "mic", "addon": "m"}],
        connections=[{"extension": "mic", "audio_frame": [{"name": "pcm", "dest": [{"extension": "stt"}]}]}],
    )
    flow = {"name": "pcm", "remove": True}
    third = {"extends": "variant.json", "connections": [{"extension": "vad", "audio_frame": [flow]}]}
    (tmp_path / "third.json").write_text(json.dumps(third))
    graph = resolve_graph(tmp_path / "third.json")
    edges = {(edge.extension, edge.name): [dest.extension for dest in edge.dests] for edge in graph.connections}
    assert edges == {("mic", "pcm"): ["stt"], ("vad", "start"): ["tts"], ("vad", "end"): ["tts"]}


def test_an_edge_written_as_source_is_removed_by_its_sender(load, tmp_path):
    load(connections=[{"extension": "vad", "cmd": [{"name": "start", "remove": True}]}])
    assert edges(tmp_path) == {("vad", "pcm"): ["stt", "tts"], ("vad", "end"): ["tts"]}


def test_variants_of_variants(load, tmp_path):
    load(nodes=[{"name": "stt", "property": {"lang": "zh"}}])
    (tmp_path / "third.json").write_text(
        json.dumps({"extends": "variant.json", "nodes": [{"name": "tts", "remove": True}]})
    )
    graph = resolve_graph(tmp_path / "third.json")
    assert [node.name for node in graph.nodes] == ["vad", "stt"]
    assert graph.node("stt").property["lang"] == "zh"
    assert [path.name for path in load_document(tmp_path / "third.json").bases] == ["variant.json", "base.json"]


def test_metadata_is_taken_off_and_not_inherited(load):
    document = load(stream_talk={"title": {"en": "V", "zh": "变体"}, "needs": ["a GPU"]})
    assert "stream_talk" not in document.graph
    assert document.info.title == {"en": "V", "zh": "变体"}
    assert document.info.needs == ("a GPU",)
    assert load().info.title == {}


@pytest.mark.parametrize(
    ("variant", "line"),
    [
        (
            {"nodes": [{"name": "sst", "remove": True}]},
            'nodes[0] "sst": the base has no node "sst" to remove; did you mean "stt"?',
        ),
        (
            {"nodes": [{"name": "sst", "property": {}}]},
            'nodes[0] "sst": the base has no node "sst" to change; did you mean "stt"?',
        ),
        (
            {"connections": [{"extension": "stt", "cmd": [{"name": "x", "remove": True}]}]},
            "connections[0].cmd[0]: the base has no such edge to remove; remove this entry",
        ),
        (
            {"exposed_messages": [{"type": "cmd_in", "name": "x", "remove": True}]},
            "exposed_messages[0]: the base has no such entry to remove; remove this entry",
        ),
        ({"stream_talk": {"titel": "x"}}, 'stream_talk: unknown key "titel"; did you mean "title"?'),
        ({"extends": "bsae.json"}, 'extends: the base "bsae.json" does not exist; did you mean "base.json"?'),
        ({"extends": 3}, 'extends: must be the name of a graph file; write "extends": "embedded.json"'),
        ({"extends": "variant.json"}, "extends: graphs extend each other in a cycle: variant.json -> variant.json"),
        (
            {"import_uri": "x.json"},
            "extends: 'extends' does not go together with 'import_uri'; extend the file itself",
        ),
    ],
)
def test_what_does_not_fit_the_base_is_said(load, tmp_path, variant, line):
    with pytest.raises(GraphError) as caught:
        load(**variant)
        resolve_graph(tmp_path / "variant.json")
    assert str(caught.value) == f"{tmp_path / 'variant.json'}: {line}"


def test_findings_point_into_the_file_that_has_the_entry(load, tmp_path):
    load(
        nodes=[{"name": "vad", "remove": True}, {"type": "extension", "name": "new", "adon": "n"}],
        connections=[{"extension": "stt", "data": [{"name": "x", "dest": [{"extension": "nobody"}]}]}],
    )
    with pytest.raises(GraphError, match=r'variant\.json: nodes\[1\] "new"'):
        resolve_graph(tmp_path / "variant.json")
    load(connections=[{"extension": "stt", "data": [{"name": "x", "dest": [{"extension": "nobody"}]}]}])
    with pytest.raises(
        GraphError,
        match=r"variant\.json: connections\[0\]\.data\[0\]\.dest\[0\]: .* declared in connections\[0\]\.data\[0\]",
    ):
        resolve_graph(tmp_path / "variant.json")


def test_subgraphs_of_a_base_elsewhere_stay_beside_it(tmp_path):
    (tmp_path / "lib").mkdir()
    part = {"nodes": [{"type": "extension", "name": "x", "addon": "y"}]}
    (tmp_path / "lib" / "part.json").write_text(json.dumps(part))
    whole = {"nodes": [{"type": "subgraph", "name": "p", "graph": {"import_uri": "part.json"}}]}
    (tmp_path / "lib" / "whole.json").write_text(json.dumps(whole))
    (tmp_path / "mine.json").write_text(
        json.dumps({"extends": "lib/whole.json", "nodes": [{"type": "extension", "name": "z", "addon": "z"}]})
    )
    assert [node.name for node in resolve_graph(tmp_path / "mine.json").nodes] == ["p_x", "z"]


def test_a_subgraph_may_be_a_variant(load, tmp_path):
    load(nodes=[{"name": "tts", "remove": True}])
    graph = {"nodes": [{"type": "subgraph", "name": "s", "graph": {"import_uri": "variant.json"}}]}
    (tmp_path / "top.json").write_text(json.dumps(graph))
    assert [node.name for node in resolve_graph(tmp_path / "top.json").nodes] == ["s_vad", "s_stt"]
