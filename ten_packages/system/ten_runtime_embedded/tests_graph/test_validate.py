"""The error texts of graphs that cannot be used, and that all of them are found at once."""

from pathlib import Path

import pytest
from ten_graph import GraphError, flatten
from ten_graph.errors import INVALID_GRAPH
from ten_graph.validate import problems

A = {"type": "extension", "name": "a", "addon": "x"}
B = {"type": "extension", "name": "b", "addon": "x"}


def with_flow(flow, kind="cmd"):
    return {"nodes": [A, B], "connections": [{"extension": "a", kind: [flow]}]}


def with_conversion(conversion):
    return with_flow({"name": "m", "dest": [{"extension": "b", "msg_conversion": conversion}]})


def rules(*items):
    return {"type": "per_property", "rules": list(items)}


TO_B = [{"extension": "b"}]
CASES = [
    (
        with_flow({"name": "m", "names": ["m"], "dest": TO_B}),
        "connections[0].cmd[0]",
        "Both 'name' and 'names' fields are specified, but they are mutually exclusive",
    ),
    (
        with_flow({"dest": TO_B}),
        "connections[0].cmd[0]",
        "Neither 'name' nor 'names' field is specified, but one must be provided",
    ),
    (
        with_flow({"names": [], "dest": TO_B}),
        "connections[0].cmd[0]",
        "'names' field is empty, must contain at least one name",
    ),
    (with_flow({"name": "m"}), "connections[0].cmd[0]", "neither 'dest' nor 'source' is given"),
    (
        with_flow({"name": "m", "dest": [{"extension": "c"}]}),
        "connections[0].cmd[0].dest[0]",
        "The extension declared in connections[0].cmd[0] is not defined in nodes, extension: c.",
    ),
    (
        with_flow({"name": "m", "dest": [{"subgraph": "S"}]}),
        "connections[0].cmd[0].dest[0]",
        "The subgraph 'S' connections[0].cmd[0] is not defined in nodes.",
    ),
    (
        with_flow({"name": "m", "dest": [{"selector": "S"}]}, "data"),
        "connections[0].data[0].dest[0]",
        "Selector error in flow 'data': Can't find selector: S",
    ),
    (
        with_flow({"name": "m", "dest": [{"extension": "b", "subgraph": "S"}]}),
        "connections[0].cmd[0].dest[0]",
        "exactly one of 'extension', 'subgraph' and 'selector' is needed, 2 given",
    ),
    (
        {"nodes": [A], "connections": [{"extension": "z"}]},
        "connections[0]",
        "The extension declared in connections[0] is not defined in nodes, extension: z.",
    ),
    (
        {"nodes": [A, {**A, "addon": "y"}]},
        'nodes[1] "a"',
        "Duplicated extension was found in nodes[1], addon: y, name: a.",
    ),
    (
        {"nodes": [{**A, "app": "msgpack://x/"}, B]},
        "nodes",
        "Either all nodes should have 'app' declared, or none should, but not a mix of both.",
    ),
    ({"nodes": [{**A, "app": "localhost"}]}, 'nodes[0] "a"', "'app' must not be 'localhost'"),
    ({"nodes": [{**A, "app": ""}]}, 'nodes[0] "a"', "'app' must be a string that is not empty"),
    ({"nodes": [{"name": "a"}]}, 'nodes[0] "a"', "the node has no 'type'"),
    ({"nodes": [{**A, "type": "extnsion"}]}, 'nodes[0] "a"', 'unknown node type "extnsion"'),
    ({"nodes": [{"type": "extension", "name": "a"}]}, 'nodes[0] "a"', "'addon' is missing"),
    ({"nodes": [{**A, "property": []}]}, 'nodes[0] "a" property', "must be an object, this is a list"),
    (
        {"nodes": [{"type": "subgraph", "name": "s"}]},
        'nodes[0] "s"',
        "a subgraph node needs 'graph' with an 'import_uri'",
    ),
    (
        {"nodes": [{"type": "selector", "name": "s", "filter": {"field": "age", "operator": "exact", "value": "x"}}]},
        'nodes[0] "s" filter',
        "'field' must be one of type, name, app, addon",
    ),
    ({"nodes": {}}, "nodes", "must be a list, this is an object"),
    (
        {"nodes": [A], "exposed_messages": [{"type": "cmd_in", "name": "m", "extension": "z"}]},
        "exposed_messages[0]",
        "Extension 'z' referenced in exposed_messages does not exist in the graph",
    ),
    (
        {"nodes": [A], "exposed_messages": [{"type": "cmd_in", "name": "m"}]},
        "exposed_messages[0]",
        "Exposed message 'm' does not specify an extension",
    ),
    (
        {"nodes": [A], "exposed_messages": [{"type": "cmd", "name": "m", "extension": "a"}]},
        "exposed_messages[0]",
        'unknown type "cmd"',
    ),
    (
        {"nodes": [A], "exposed_properties": [{"name": "p", "extension": "z"}]},
        "exposed_properties[0]",
        "extension 'z' does not exist in the graph",
    ),
    (
        {"import_uri": "x.json", "nodes": []},
        "nodes",
        "When 'import_uri' is specified, 'nodes' field must not be present",
    ),
    (
        {"import_uri": "x.json", "exposed_messages": []},
        "exposed_messages",
        "When 'import_uri' is specified, 'exposed_messages' field must not be present",
    ),
    (with_conversion(rules()), "connections[0].cmd[0].dest[0].msg_conversion.rules", "conversion rules are empty"),
    (
        with_conversion(rules({"path": "p", "conversion_mode": "fixed_value"})),
        "connections[0].cmd[0].dest[0].msg_conversion.rules[0]",
        "rule[0]: 'value' field is required for the fixed_value conversion mode",
    ),
    (
        with_conversion(rules({"path": "p", "conversion_mode": "from_original"})),
        "connections[0].cmd[0].dest[0].msg_conversion.rules[0]",
        "rule[0]: 'original_path' field is required for the from_original conversion mode",
    ),
    (
        with_conversion(rules({"path": "", "conversion_mode": "fixed_value", "value": 1})),
        "connections[0].cmd[0].dest[0].msg_conversion.rules[0]",
        "rule[0]: property path is empty",
    ),
    (
        with_conversion(rules({"path": "p", "conversion_mode": "from_original", "original_path": ""})),
        "connections[0].cmd[0].dest[0].msg_conversion.rules[0]",
        "rule[0]: original_path cannot be empty",
    ),
]


@pytest.mark.parametrize(("doc", "where", "message"), CASES, ids=[case[2][:40] for case in CASES])
def test_each_error_says_what_and_where(doc, where, message):
    found = [(problem.where, problem.message) for problem in problems(doc)]
    assert (where, message) in found
    with pytest.raises(GraphError) as caught:
        flatten(doc, base_dir=Path("."))
    assert caught.value.code == INVALID_GRAPH
    assert message in [problem.message for problem in problems(doc)]


STRICT_CASES = [
    ({"nodes": [{**A, "adon": 1}]}, 'unknown key "adon"', 'did you mean "addon"?'),
    ({"nodes": [A], "conections": []}, 'unknown key "conections"', 'did you mean "connections"?'),
    (
        {"nodes": [{**A, "name": "my node"}]},
        "'name' \"my node\" is not an identifier",
        "use letters, digits and _, and begin with no digit",
    ),
    ({"nodes": [{**A, "property": {"p": {"q": [None]}}}]}, "null is not a property value", "leave the key out"),
    (
        with_flow({"name": "m", "dest": TO_B, "source": TO_B}),
        "both 'dest' and 'source' are given",
        "write exactly one of them; use a second flow for the other",
    ),
]


@pytest.mark.parametrize(("doc", "message", "remedy"), STRICT_CASES, ids=[case[1] for case in STRICT_CASES])
def test_files_are_held_to_the_schema_but_graphs_built_in_code_are_not(doc, message, remedy):
    assert (message, remedy) in [(problem.message, problem.remedy) for problem in problems(doc, strict=True)]
    flatten(doc, base_dir=Path("."))
    with pytest.raises(GraphError):
        flatten(doc, base_dir=Path("."), strict=True)


def test_names_with_a_colon_are_legal_in_code():
    tester = {"type": "extension", "name": "ten:test_extension", "addon": "ten:test_extension"}
    assert [node.name for node in flatten({"nodes": [tester]}, base_dir=Path(".")).nodes] == ["ten:test_extension"]


def test_everything_is_found_in_one_pass():
    doc = {
        "nodes": [{**A, "adon": 1}, {"type": "extension", "name": "b"}],
        "connections": [{"extension": "c", "cmd": [{"dest": [{"extension": "d"}]}]}],
        "exposed_messages": [{"type": "x", "name": "m", "extension": "e"}],
    }
    places = [problem.where for problem in problems(doc, strict=True)]
    assert places == [
        'nodes[0] "a"',
        'nodes[1] "b"',
        "connections[0]",
        "connections[0].cmd[0]",
        "connections[0].cmd[0].dest[0]",
        "exposed_messages[0]",
        "exposed_messages[0]",
    ]


def test_a_line_names_file_place_fault_and_remedy():
    (problem,) = problems({"nodes": [{**A, "adon": 1}]}, strict=True)
    assert problem.within("g.json").line() == 'g.json: nodes[0] "a": unknown key "adon"; did you mean "addon"?'
