"""No graph, however mangled, gets anything out of the loader but a flat graph or a GraphError."""

import copy
import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ten_graph import GraphError, flatten
from ten_graph.source import parse_object

CONVERSION = {
    "type": "per_property",
    "rules": [{"path": "a.b[0]", "conversion_mode": "from_original", "original_path": "c"}],
    "result": {"rules": [{"path": "d", "conversion_mode": "fixed_value", "value": 1}]},
}
VALID = {
    "nodes": [
        {
            "type": "extension",
            "name": "a",
            "addon": "x",
            "extension_group": "g",
            "property": {"p": [1, {"q": "${env:X|1}"}]},
        },
        {"type": "extension", "name": "b", "addon": "y"},
        {"type": "selector", "name": "s", "filter": {"and": [{"field": "name", "operator": "regex", "value": "b"}]}},
    ],
    "connections": [
        {"extension": "a", "cmd": [{"names": ["m", "n"], "dest": [{"extension": "b"}, {"selector": "s"}]}]},
        {
            "extension": "b",
            "data": [{"name": "d", "source": [{"extension": "a"}]}, {"name": "e", "dest": [{"extension": "a"}]}],
        },
        {"extension": "a", "cmd": [{"name": "c", "dest": [{"extension": "b", "msg_conversion": CONVERSION}]}]},
    ],
    "exposed_messages": [{"type": "cmd_in", "name": "m", "extension": "b"}],
    "exposed_properties": [{"name": "p", "extension": "a"}],
}
WORDS = [
    "nodes", "connections", "exposed_messages", "exposed_properties", "import_uri", "type", "name", "names", "addon", "app", "graph",
    "property", "extension", "subgraph", "selector", "filter", "and", "or", "field", "operator", "value", "regex", "cmd", "data",
    "audio_frame", "dest", "source", "msg_conversion", "rules", "path", "original_path", "conversion_mode", "result", "a", "b", "s", "m",
    "localhost", "", "a.b[0]", "(", "[0]", "\ud800", "\0", "${env:}", "missing.json", "file:///none", "http://x/", "/etc/passwd", ".",
]  # fmt: skip
scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(WORDS) | st.text(max_size=4)
trees = st.recursive(
    scalars,
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.sampled_from(WORDS), children, max_size=5),
    max_leaves=12,
)


def holders(tree):
    """Every list and object of a tree."""
    if isinstance(tree, (dict, list)):
        yield tree
        for child in tree.values() if isinstance(tree, dict) else tree:
            yield from holders(child)


@st.composite
def mangled(draw):
    """A valid graph after a few blows."""
    graph = copy.deepcopy(VALID)
    for _ in range(draw(st.integers(1, 3))):
        everything = [holder for holder in holders(graph) if holder]
        if not everything:
            break
        holder = everything[draw(st.integers(0, len(everything) - 1))]
        key = draw(st.sampled_from(sorted(holder) if isinstance(holder, dict) else range(len(holder))))
        blow = draw(st.sampled_from(["replace", "delete", "rename", "repeat"]))
        if blow == "replace":
            holder[key] = draw(trees)
        elif blow == "delete":
            del holder[key]
        elif isinstance(holder, dict):
            holder[draw(st.sampled_from(WORDS))] = copy.deepcopy(holder[key])
        else:
            holder.append(copy.deepcopy(holder[key]))
    return graph


def stays_calm(graph, strict):
    try:
        flat = flatten(graph, base_dir=Path("/nonexistent"), strict=strict)
    except GraphError as error:
        assert str(error)
        return
    plain = flat.to_dict()
    assert flatten(plain, base_dir=Path("/nonexistent")).to_dict() == plain


FUZZ = {"deadline": None, "derandomize": True, "suppress_health_check": list(HealthCheck)}


@settings(max_examples=1500, **FUZZ)
@given(mangled(), st.booleans())
def test_mangled_graphs(graph, strict):
    stays_calm(graph, strict)


@settings(max_examples=700, **FUZZ)
@given(st.dictionaries(st.sampled_from(WORDS), trees, max_size=6) | trees, st.booleans())
def test_arbitrary_trees(graph, strict):
    stays_calm(graph, strict)


@settings(max_examples=400, **FUZZ)
@given(
    st.binary(max_size=80)
    | st.builds(lambda graph, cut: json.dumps(graph).encode()[:cut], mangled(), st.integers(0, 900))
)
def test_arbitrary_bytes(raw):
    try:
        tree = parse_object(raw)
    except GraphError as error:
        assert str(error)
        return
    stays_calm(tree, True)


def test_a_tree_that_contains_itself_is_refused():
    graph = copy.deepcopy(VALID)
    graph["nodes"][0]["property"]["self"] = graph["nodes"][0]
    with pytest.raises(GraphError, match="nested deeper"):
        flatten(graph, base_dir=Path("."))
