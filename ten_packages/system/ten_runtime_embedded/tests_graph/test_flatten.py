"""Steps of the flattening pipeline, each on the smallest graph that shows it."""

import json
from pathlib import Path

import pytest
from ten_graph import Dest, GraphError, flatten


def node(name, **more):
    return {"type": "extension", "name": name, "addon": f"{name}_addon", **more}


def ext(name, **more):
    return {"extension": name, **more}


def flat(nodes, connections=(), base_dir=Path("."), **more):
    return flatten({"nodes": nodes, "connections": list(connections), **more}, base_dir=base_dir)


def edges(graph):
    return {(e.extension, e.kind, e.name): [d.extension for d in e.dests] for e in graph.connections}


def write(directory, name, doc):
    (directory / name).write_text(json.dumps(doc))


def test_node_fields_and_defaults():
    graph = flat([node("a", extension_group="g", property={"x": 1}), node("b")])
    assert [(n.name, n.addon, n.extension_group, n.app, n.property) for n in graph.nodes] == [
        ("a", "a_addon", "g", "", {"x": 1}),
        ("b", "b_addon", "", "", {}),
    ]


def test_names_become_one_connection_per_name():
    graph = flat([node("a"), node("b")], [ext("a", cmd=[{"names": ["x", "y"], "dest": [ext("b")]}])])
    assert edges(graph) == {("a", "cmd", "x"): ["b"], ("a", "cmd", "y"): ["b"]}


def test_source_is_turned_around_and_comes_after_explicit_dests():
    connections = [
        ext("b", data=[{"name": "x", "source": [ext("a")]}]),
        ext("a", data=[{"name": "x", "dest": [ext("c")]}]),
    ]
    assert edges(flat([node("a"), node("b"), node("c")], connections)) == {("a", "data", "x"): ["c", "b"]}


def test_duplicate_dests_collapse():
    connections = [
        ext("a", cmd=[{"name": "x", "dest": [ext("b"), ext("b")]}]),
        ext("b", cmd=[{"name": "x", "source": [ext("a")]}]),
    ]
    assert edges(flat([node("a"), node("b")], connections)) == {("a", "cmd", "x"): ["b"]}


def test_one_name_in_several_flows_of_a_section():
    connections = [ext("a", audio_frame=[{"name": "pcm", "dest": [ext("b")]}, {"name": "pcm", "source": [ext("c")]}])]
    graph = flat([node("a"), node("b"), node("c")], connections)
    assert edges(graph) == {("a", "audio_frame", "pcm"): ["b"], ("c", "audio_frame", "pcm"): ["a"]}


def test_conversion_is_kept_and_a_second_different_one_refused():
    def rule(value):
        return {"type": "per_property", "rules": [{"path": "p", "conversion_mode": "fixed_value", "value": value}]}

    flow = {"name": "x", "dest": [ext("b", msg_conversion=rule(1))]}
    graph = flat([node("a"), node("b")], [ext("a", cmd=[flow])])
    assert graph.connections[0].dests == [Dest("b", "", rule(1))]
    other = {"name": "x", "dest": [ext("b", msg_conversion=rule(2))]}
    with pytest.raises(GraphError, match=r"Duplicated message conversion\."):
        flat([node("a"), node("b")], [ext("a", cmd=[flow, other])])


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ({"field": "name", "operator": "regex", "value": "^tts"}, ["tts1", "tts2"]),
        ({"field": "addon", "operator": "exact", "value": "stt_addon"}, ["stt"]),
        ({"field": "name", "operator": "regex", "value": "("}, None),
        (
            {
                "and": [
                    {"field": "name", "operator": "regex", "value": "tts"},
                    {"or": [{"field": "name", "operator": "regex", "value": "2"}]},
                ]
            },
            ["tts2"],
        ),
    ],
)
def test_selector_as_dest(condition, expected):
    nodes = [node("tts1"), node("tts2"), node("stt"), {"type": "selector", "name": "sel", "filter": condition}]
    graph = flat(nodes, [ext("stt", cmd=[{"name": "x", "dest": [{"selector": "sel"}]}])])
    assert edges(graph).get(("stt", "cmd", "x")) == expected
    assert [n.name for n in graph.nodes] == ["tts1", "tts2", "stt"]
    assert bool(graph.notices) is (expected is None)


def test_selector_as_source_and_as_sender():
    both = {"type": "selector", "name": "sel", "filter": {"field": "name", "operator": "regex", "value": "^a"}}
    nodes = [node("a1"), node("a2"), node("b"), both]
    connections = [
        ext("b", data=[{"name": "x", "source": [{"selector": "sel"}]}]),
        {"selector": "sel", "cmd": [{"name": "y", "dest": [ext("b")]}]},
    ]
    assert edges(flat(nodes, connections)) == {
        ("a1", "data", "x"): ["b"],
        ("a2", "data", "x"): ["b"],
        ("a1", "cmd", "y"): ["b"],
        ("a2", "cmd", "y"): ["b"],
    }


SPEECH = {
    "nodes": [
        node("in", property={"rate": 1}),
        node("out"),
        {"type": "selector", "name": "all", "filter": {"field": "name", "operator": "exact", "value": "out"}},
    ],
    "connections": [
        ext("in", cmd=[{"names": ["p", "q"], "dest": [{"selector": "all"}]}]),
        ext("in", data=[{"name": "r", "source": [ext("out")]}]),
    ],
    "exposed_messages": [
        {"type": "cmd_in", "name": "go", "extension": "in"},
        {"type": "data_out", "name": "done", "extension": "out"},
    ],
    "exposed_properties": [{"name": "rate", "extension": "in"}],
}


def sub(name, uri, **more):
    return {"type": "subgraph", "name": name, "graph": {"import_uri": uri}, **more}


def test_subgraph_names_are_prefixed_and_its_own_names_sources_selectors_expanded(tmp_path):
    write(tmp_path, "speech.json", SPEECH)
    connections = [
        ext("main", cmd=[{"name": "go", "dest": [{"subgraph": "s"}]}]),
        ext("main", data=[{"name": "done", "source": [{"subgraph": "s"}]}]),
    ]
    graph = flat([node("main"), sub("s", "speech.json", property={"rate": 7})], connections, tmp_path)
    assert [n.name for n in graph.nodes] == ["main", "s_in", "s_out"]
    assert graph.node("s_in").property == {"rate": 7}
    assert edges(graph) == {
        ("s_in", "cmd", "p"): ["s_out"],
        ("s_in", "cmd", "q"): ["s_out"],
        ("s_out", "data", "r"): ["s_in"],
        ("main", "cmd", "go"): ["s_in"],
        ("s_out", "data", "done"): ["main"],
    }


def test_nested_subgraphs_and_ports_through_them(tmp_path):
    (tmp_path / "deep").mkdir()
    write(tmp_path / "deep", "speech.json", SPEECH)
    middle = {
        "nodes": [sub("inner", "speech.json")],
        "exposed_messages": [{"type": "cmd_in", "name": "go", "subgraph": "inner"}],
        "exposed_properties": [{"name": "rate", "subgraph": "inner"}],
    }
    write(tmp_path / "deep", "middle.json", middle)
    graph = flat(
        [node("main"), sub("outer", "deep/middle.json", property={"rate": 3})],
        [ext("main", cmd=[{"name": "go", "dest": [{"subgraph": "outer"}]}])],
        tmp_path,
        exposed_messages=[{"type": "cmd_in", "name": "go", "subgraph": "outer"}],
    )
    assert [n.name for n in graph.nodes] == ["main", "outer_inner_in", "outer_inner_out"]
    assert edges(graph)[("main", "cmd", "go")] == ["outer_inner_in"]
    assert graph.node("outer_inner_in").property == {"rate": 3}
    assert [(p.type, p.name, p.extension) for p in graph.exposed_messages] == [("cmd_in", "go", "outer_inner_in")]


def test_import_uri_at_the_top_relative_and_as_file_uri(tmp_path):
    write(tmp_path, "g.json", {"nodes": [node("a")]})
    for uri in ("g.json", (tmp_path / "g.json").as_uri()):
        assert [n.name for n in flatten({"import_uri": uri}, base_dir=tmp_path).nodes] == ["a"]


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("/etc/graph.json", "absolute path"),
        ("https://example.org/g.json", "over the network is not allowed"),
        ("ftp://example.org/g.json", 'unknown scheme "ftp"'),
        ("${app_base_dir}/g.json", "is not known here"),
        ("missing.json", "does not exist"),
        ("bad\0name.json", "cannot be read"),
        ("", "is empty"),
    ],
)
def test_import_uris_that_are_refused(tmp_path, uri, message):
    with pytest.raises(GraphError, match=message.replace("$", r"\$")):
        flatten({"import_uri": uri}, base_dir=tmp_path)


def test_a_cycle_of_subgraphs_is_named(tmp_path):
    write(tmp_path, "a.json", {"nodes": [sub("b", "b.json")]})
    write(tmp_path, "b.json", {"nodes": [sub("a", "./a.json")]})
    with pytest.raises(GraphError, match=r"cycle: a\.json -> b\.json -> a\.json") as caught:
        flatten({"import_uri": "a.json"}, base_dir=tmp_path)
    assert caught.value.file.endswith("b.json")
    assert caught.value.where == 'nodes[0] "a"'


def test_exponential_subgraphs_are_stopped(tmp_path):
    write(tmp_path, "g0.json", {"nodes": [node(f"n{i}") for i in range(10)]})
    for level in range(1, 6):
        write(tmp_path, f"g{level}.json", {"nodes": [sub(f"s{i}", f"g{level - 1}.json") for i in range(10)]})
    with pytest.raises(GraphError, match="more than 10000 nodes"):
        flatten({"import_uri": "g5.json"}, base_dir=tmp_path)


@pytest.mark.parametrize(
    ("inner", "outer", "message"),
    [
        (
            {},
            {"connections": [ext("m", cmd=[{"name": "x", "dest": [{"subgraph": "s"}]}])]},
            "Subgraph 's' does not have exposed_messages defined",
        ),
        (
            SPEECH,
            {"connections": [ext("m", cmd=[{"name": "x", "dest": [{"subgraph": "s"}]}])]},
            "Message 'x' of type 'cmd_in' is not exposed by subgraph 's'",
        ),
        (
            SPEECH,
            {"connections": [ext("m", data=[{"name": "x", "source": [{"subgraph": "s"}]}])]},
            "Message 'x' of type 'data_out' is not exposed by subgraph 's'",
        ),
        (
            SPEECH,
            {"property": {"pitch": 1}},
            "Property 'pitch' specified in subgraph node 's' is not exposed by the subgraph",
        ),
    ],
)
def test_what_a_subgraph_does_not_offer(tmp_path, inner, outer, message):
    write(tmp_path, "s.json", {"nodes": [node("in"), node("out")], **inner})
    s = sub("s", "s.json", **({"property": outer["property"]} if "property" in outer else {}))
    with pytest.raises(GraphError) as caught:
        flat([node("m"), s], outer.get("connections", []), tmp_path)
    assert message in str(caught.value)


def test_a_prefixed_name_that_is_already_taken(tmp_path):
    write(tmp_path, "s.json", {"nodes": [node("in")]})
    with pytest.raises(GraphError, match='node "s_in" exists twice'):
        flat([node("s_in"), sub("s", "s.json")], base_dir=tmp_path)


def test_apps_tell_nodes_of_one_name_apart():
    nodes = [node("a", app="msgpack://h:1/"), node("a", app="msgpack://h:2/")]
    graph = flat(nodes, [ext("a", app="msgpack://h:1/", cmd=[{"name": "x", "dest": [ext("a", app="msgpack://h:2/")]}])])
    assert graph.connections[0].app == "msgpack://h:1/"
    assert graph.connections[0].dests == [Dest("a", "msgpack://h:2/")]


def test_to_dict_is_plain_and_a_fixed_point(tmp_path):
    write(tmp_path, "speech.json", SPEECH)
    graph = flat(
        [node("main", extension_group="g"), sub("s", "speech.json")],
        [ext("main", cmd=[{"name": "go", "dest": [{"subgraph": "s"}]}])],
        tmp_path,
        exposed_messages=[{"type": "data_out", "name": "done", "subgraph": "s"}],
    )
    plain = graph.to_dict()
    assert {n["type"] for n in plain["nodes"]} == {"extension"}
    assert "source" not in json.dumps(plain)
    assert flatten(plain, base_dir=tmp_path, strict=True).to_dict() == plain


def test_equal_graphs_share_nothing_that_an_app_may_change():
    doc = {"nodes": [node("a", property={"list": [1]})]}
    first, second = (flatten(doc, base_dir=Path(".")) for _ in range(2))
    first.nodes[0].property["list"].append(2)
    first.nodes.clear()
    assert second.nodes[0].property == {"list": [1]}
    assert flatten(doc, base_dir=Path(".")).nodes[0].property == {"list": [1]}
    assert doc["nodes"][0]["property"] == {"list": [1]}


def test_a_changed_subgraph_file_is_seen(tmp_path):
    doc = {"nodes": [sub("s", "s.json")]}
    write(tmp_path, "s.json", {"nodes": [node("a")]})
    assert [n.name for n in flatten(doc, base_dir=tmp_path).nodes] == ["s_a"]
    write(tmp_path, "s.json", {"nodes": [node("b")]})
    assert [n.name for n in flatten(doc, base_dir=tmp_path).nodes] == ["s_b"]
