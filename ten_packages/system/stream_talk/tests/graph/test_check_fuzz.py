"""No graph file, however mangled, gets a traceback out of `graph check`."""

import copy
import json

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_app import MANIFESTS, conversation, extension, write_json
from stream_talk.graph.check import check_file
from stream_talk.graph.packages import Packages
from stream_talk_cli.main import main

WORDS = [
    "nodes", "connections", "exposed_messages", "exposed_properties", "import_uri", "extends", "stream_talk", "title", "needs", "remove",
    "type", "name", "names", "addon", "app", "graph",
    "property", "extension", "subgraph", "selector", "filter", "field", "operator", "value",
    "cmd", "data", "dest", "source", "msg_conversion",
    "rules", "stt", "main", "lang", "params", "base.json", "g.json", "${env:X}", "${x}", "",
    "\ud800", "\0", "..", "http://x/y.json",
]  # fmt: skip
scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.sampled_from(WORDS)
    | st.text(max_size=3)
)
trees = st.recursive(
    scalars,
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.sampled_from(WORDS), children, max_size=4),
    max_leaves=10,
)


def seeds():
    variant = {
        "extends": "base.json",
        "stream_talk": {"title": {"en": "V"}, "needs": ["x"]},
        "nodes": [
            {"name": "stt", "property": {"lang": "zh"}},
            {"name": "main", "remove": True},
            extension("llm", "quiet_python"),
        ],
        "connections": [{"extension": "stt", "data": [{"name": "asr_result", "remove": True}]}],
        "exposed_messages": [{"type": "cmd_out", "name": "flush", "remove": True}],
    }
    nested = {"nodes": [{"type": "subgraph", "name": "s", "graph": {"import_uri": "base.json"}}]}
    return [conversation(), variant, nested]


def holders(tree):
    if isinstance(tree, (dict, list)):
        yield tree
        for child in tree.values() if isinstance(tree, dict) else tree:
            yield from holders(child)


@st.composite
def mangled(draw):
    graph = copy.deepcopy(draw(st.sampled_from(seeds())))
    for _ in range(draw(st.integers(1, 3))):
        everything = [holder for holder in holders(graph) if holder]
        if not everything:
            break
        holder = everything[draw(st.integers(0, len(everything) - 1))]
        key = draw(st.sampled_from(sorted(holder) if isinstance(holder, dict) else range(len(holder))))
        if draw(st.booleans()):
            holder[key] = draw(trees)
        else:
            del holder[key]
    return graph


FUZZ = {"deadline": None, "derandomize": True, "suppress_health_check": list(HealthCheck)}


@settings(max_examples=1000, **FUZZ)
@given(graph=mangled())
def test_findings_only(app, graph):
    write_json(app / "base.json", conversation())
    path = app / "g.json"
    path.write_text(json.dumps(graph))
    for problem in check_file(path, packages=Packages([app]), environ={}):
        assert problem.message
        assert problem.line().startswith(str(app))


@settings(max_examples=200, **FUZZ)
@given(raw=st.binary(max_size=60) | mangled().map(lambda graph: json.dumps(graph).encode()[:-1]))
def test_the_command_answers_any_file(app, raw):
    path = app / "g.json"
    path.write_bytes(raw)
    assert main(["graph", "check", str(path)]) in (0, 1)


def test_mangled_manifests_are_findings_too(app):
    for name in MANIFESTS:
        for content in ("", "[]", '{"api": 3}', '{"api": {"property": []}}', '{"api": {"cmd_in": [{}]}}'):
            (app / "ten_packages" / "extension" / name / "manifest.json").write_text(content)
            path = write_json(app / "g.json", {"nodes": [extension("n", name)]})
            (problem,) = check_file(path, packages=Packages([app]), environ={})
            assert "is broken" in problem.message
