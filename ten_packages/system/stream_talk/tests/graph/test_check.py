"""Everything that `graph check` finds, each finding on a graph that has nothing else wrong."""

import copy
import sys

import pytest
from small_app import conversation, extension
from stream_talk.graph.check import check_file


def lines(path, **machine):
    machine.setdefault("environ", {})
    return [problem.line().removeprefix(f"{path}: ") for problem in check_file(path, **machine)]


@pytest.fixture
def check(write):
    def check(change, **machine):
        graph = conversation()
        change(graph)
        return lines(write("g.json", graph), **machine)

    return check


def test_a_sound_graph_has_no_findings(check):
    assert check(lambda graph: None) == []


def test_nodes_addressed_from_code_need_no_edges(check):
    assert check(lambda graph: graph["nodes"].append(extension("llm", "quiet_python"))) == []


def test_nodes_that_run_elsewhere_are_not_looked_for(write):
    there = "msgpack://there:1/"
    graph = {"nodes": [extension("far", "not_here", app=there)]}
    assert lines(write("g.json", graph)) == []


def set_node(index, **fields):
    return lambda graph: graph["nodes"][index].update(fields)


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (set_node(0, adon="x"), 'nodes[0] "stt": unknown key "adon"; did you mean "addon"?'),
        (
            set_node(0, addon="eer_python"),
            'nodes[0] "stt": the addon "eer_python" is not installed; did you mean "ear_python"?',
        ),
        (
            set_node(0, property={"lng": "en"}),
            'nodes[0] "stt" property.lng: "ear_python" has no such property; did you mean "lang"?',
        ),
        (
            set_node(0, property={"params": {"modle": "x"}}),
            'nodes[0] "stt" property.params.modle: "ear_python" has no such property; did you mean "model"?',
        ),
        (
            set_node(0, property={"params": {"beam": "five"}}),
            'nodes[0] "stt" property.params.beam: unsupported conversion from `string` to `int32`; write a value of type int32',
        ),
        (set_node(0, property={"rate": 1 << 40}), 'nodes[0] "stt" property.rate: out of range of int32'),
        (
            set_node(0, property={"params": {"model": "${env:MODEL}"}}),
            'nodes[0] "stt" property.params.model: the environment variable MODEL is not set; '
            "export MODEL=..., or write ${env:MODEL|default}",
        ),
        (
            set_node(0, property={"lang": "${LANG}"}),
            'nodes[0] "stt" property.lang: Unsupported placeholder: ${LANG}; write ${env:NAME} or ${env:NAME|default}',
        ),
        (
            lambda graph: graph["connections"][0]["data"][0]["source"].append({"extension": "sst"}),
            "connections[0].data[0].source[1]: The extension declared in connections[0].data[0] is not defined in nodes, "
            'extension: sst.; did you mean "stt"?',
        ),
        (
            lambda graph: graph["exposed_messages"][1].update(name="flsh"),
            'exposed_messages[1]: "main" (brain_python) sends no cmd "flsh"; did you mean "flush"?',
        ),
        (
            lambda graph: graph["connections"].append(
                {"extension": "main", "cmd": [{"name": "flush", "dest": [{"extension": "stt"}]}]}
            ),
            'connections[1]: extension "main" has a second section; merge it into connections[0]',
        ),
        (
            set_node(1, addon="strict_brain_python"),
            'connections[0].data[0] "asr_result": property final is sent as bool and taken as int32; '
            "declare one type in both manifests, or add a msg_conversion",
        ),
    ],
)
def test_findings(check, change, line):
    assert check(change) == [line]


def test_a_misspelt_message_is_found_at_both_ends(check):
    def change(graph):
        graph["connections"][0]["data"][0]["name"] = "asr_resutl"

    place = 'connections[0].data[0] "asr_resutl"'
    assert check(change) == [
        f'{place}: "stt" (ear_python) sends no data "asr_resutl"; did you mean "asr_result"?',
        f'{place}: "main" (brain_python) takes no data "asr_resutl"; did you mean "asr_result"?',
    ]


def test_vendor_parameters_that_resemble_nothing_pass(check):
    assert check(set_node(0, property={"params": {"word_timestamps": True}})) == []


def test_a_variable_that_is_set_is_checked_for_its_type(check):
    change = set_node(0, property={"rate": "${env:RATE}"})
    assert check(change, environ={"RATE": "16000"}) == [
        'nodes[0] "stt" property.rate: unsupported conversion from `string` to `int32`; write a value of type int32'
    ]


def test_missing_python_packages_come_with_the_command(app, check):
    requirements = app / "ten_packages" / "extension" / "ear_python" / "requirements.txt"
    requirements.write_text("piper-tts>=1.3\nno-such-package==2\nnumpy\n")
    versions = {"piper-tts": "1.2", "numpy": "1.26"}
    found = check(lambda graph: None, version_of=versions.get)
    assert found == [
        'nodes[0] "stt": "ear_python" needs the Python package piper-tts>=1.3, 1.2 is installed; run: pip install "stream-talk[piper]"',
        'nodes[0] "stt": "ear_python" needs the Python package no-such-package==2, it is not installed; '
        f"run: pip install -r {requirements}",
    ]


def test_an_engine_of_another_environment_is_not_looked_for_here(app, check):
    (app / "ten_packages" / "extension" / "ear_python" / "requirements.txt").write_text("no-such-package\n")
    manifest = app / "ten_packages" / "extension" / "ear_python" / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"lang"', '"engine": {"type": "object"}, "lang"'))
    assert check(set_node(0, property={"engine": {"interpreter": sys.executable}})) == []
    (found,) = check(set_node(0, property={"engine": {"interpreter": "/none/python"}}))
    assert found.startswith(
        'nodes[0] "stt" property.engine.interpreter: "ear_python" shall run its engine with /none/python'
    )


def test_the_addon_of_a_fallback_is_looked_for_too(app, check):
    def with_fallback(addon):
        return set_node(1, property={"fallback": {"addon": addon}})

    (app / "ten_packages" / "extension" / "ear_python" / "requirements.txt").write_text("no-such-package\n")
    installed = {"no-such-package": "1.0"}.get
    assert check(with_fallback("ear_python"), version_of=installed) == []
    (_, found) = check(with_fallback("ear_python"), version_of={}.get)
    assert found.startswith(
        'nodes[1] "main" property.fallback.addon: "ear_python" needs the Python package no-such-package'
    )
    (found,) = check(with_fallback("eer_python"), version_of=installed)
    assert (
        found
        == 'nodes[1] "main" property.fallback.addon: the addon "eer_python" is not installed; did you mean "ear_python"?'
    )


def test_a_broken_package_is_named(app, check):
    (app / "ten_packages" / "extension" / "ear_python" / "manifest.json").write_text("{")
    (found,) = check(lambda graph: None)
    assert found.startswith('nodes[0] "stt": the package of "ear_python" is broken: ')
    assert "manifest.json: line 1 column 2" in found


def test_everything_at_once_also_in_imported_files(write):
    part = {"nodes": [extension("x", "no_addon")], "exposed_messages": []}
    write("part.json", part)
    graph = conversation()
    graph["nodes"][0]["property"] = {"lng": 1}
    graph["nodes"].append({"type": "subgraph", "name": "p", "graph": {"import_uri": "part.json"}})
    graph["connections"].append({"extension": "p2"})
    found = [problem.line() for problem in check_file(write("g.json", graph), environ={})]
    assert [line.split("graphs")[1][1:].split(": ")[0:2] for line in found] == [
        ["g.json", "connections[1]"],
        ["g.json", 'nodes[0] "stt" property.lng'],
        ["part.json", 'nodes[0] "x"'],
    ]


def test_all_that_subgraphs_do_not_offer_is_found(write):
    write("part.json", conversation())
    graph = {
        "nodes": [
            extension("main", "brain_python"),
            {"type": "subgraph", "name": "p", "graph": {"import_uri": "part.json"}, "property": {"lang": "zh"}},
        ],
        "connections": [
            {"extension": "main", "cmd": [{"names": ["flush"], "dest": [{"subgraph": "p"}]}]},
            {"subgraph": "p", "data": [{"name": "text", "dest": [{"extension": "main"}]}]},
        ],
        "exposed_messages": [{"type": "data_out", "name": "text", "subgraph": "p"}],
    }
    missing = "is not exposed by subgraph 'p'; it exposes nothing as"
    assert lines(write("g.json", graph)) == [
        "nodes[1] \"p\" property.lang: Property 'lang' specified in subgraph node 'p' is not exposed by the subgraph; "
        "list it in the subgraph's exposed_properties",
        f"cmd \"flush\" from \"main\": Message 'flush' of type 'cmd_in' {missing} cmd_in",
        f"data \"text\" from \"p\": Message 'text' of type 'data_out' {missing} data_out",
        f"exposed_messages[0]: Message 'text' of type 'data_out' {missing} data_out",
    ]


def test_findings_of_a_variant_stand_where_they_were_written(write):
    write("base.json", conversation())
    variant = {"extends": "base.json", "nodes": [{"name": "stt", "property": {"lng": 1}}, extension("llm", "no_addon")]}
    path = write("v.json", variant)
    assert lines(path) == [
        'nodes[1] "llm": the addon "no_addon" is not installed; put the package into ten_packages/extension/no_addon, '
        "or name one of those there: brain_python, ear_python, quiet_python, strict_brain_python",
        'nodes[0] "stt" property.lng: "ear_python" has no such property; did you mean "lang"?',
    ]


def test_graphs_inside_an_app_property(write):
    graph = conversation()
    graph["nodes"][0]["property"] = {"lng": "en"}
    entries = [{"name": "one", "graph": conversation()}, {"name": "two", "graph": graph}, {"name": "three"}]
    assert lines(write("property.json", {"ten": {"predefined_graphs": entries}})) == [
        'ten.predefined_graphs[1].graph nodes[0] "stt" property.lng: "ear_python" has no such property; did you mean "lang"?',
        "ten.predefined_graphs[2]: 'graph' must be an object with nodes, this is null",
    ]


def test_the_entries_of_an_app_property_are_checked_themselves(write):
    entries = [
        {"name": "old", **{key: conversation()[key] for key in ("nodes", "connections")}},
        {"name": "old", "auto_strt": True, "singleton": "yes", "graph": conversation()},
        {"name": "a b", "graph": conversation()},
        {"graph": conversation()},
        5,
    ]
    identifier = "use letters, digits and _, and begin with no digit"
    assert lines(write("property.json", {"ten": {"predefined_graphs": entries}})) == [
        'ten.predefined_graphs[1]: unknown key "auto_strt"; did you mean "auto_start"?',
        'ten.predefined_graphs[1]: the name "old" is used twice; give each graph its own name',
        "ten.predefined_graphs[1]: 'singleton' is a string; write true or false",
        f"ten.predefined_graphs[2]: 'name' 'a b' is not an identifier; {identifier}",
        f"ten.predefined_graphs[3]: 'name' is missing; {identifier}",
        "ten.predefined_graphs[4]: a predefined graph is an object, this is a number",
    ]


@pytest.mark.parametrize(
    ("properties", "line"),
    [
        ({"ten_embedded": {"inbox_limit": 5}, "ten": {"path_timeout": {"in_path": 5}, "path_check_interval": 1}}, None),
        (
            {"ten_embedded": {"inbox_limt": 5}},
            'ten_embedded.inbox_limt: a node has no such option; did you mean "inbox_limit"?',
        ),
        (
            {"ten_embedded": {"inbox_limit": 0}},
            "ten_embedded.inbox_limit: 0 is no limit; write a positive number of messages",
        ),
        ({"ten": {"path_timeout": "5s"}}, "ten.path_timeout: '5s' is no time; write a positive number of microseconds"),
        ({"ten": {"path_timeout": {"out_pth": 5}}}, 'ten.path_timeout.out_pth: unknown key; did you mean "out_path"?'),
        (
            {"ten": {"manual_trigger_life_cycle": [{"stage": "strt"}]}},
            "ten.manual_trigger_life_cycle[0]: unknown stage 'strt'; did you mean \"start\"?",
        ),
    ],
)
def test_what_the_runtime_reads_of_a_node(check, properties, line):
    expected = [] if line is None else [f'nodes[0] "stt" property.{line}']
    assert check(set_node(0, property=properties)) == expected


def test_a_selector_that_matches_nothing(write):
    selector = {"type": "selector", "name": "ears", "filter": {"field": "name", "operator": "regex", "value": "^ear"}}
    graph = {
        "nodes": [extension("main", "brain_python"), selector],
        "connections": [{"extension": "main", "cmd": [{"name": "flush", "dest": [{"selector": "ears"}]}]}],
    }
    assert lines(write("g.json", graph)) == ['nodes[1] "ears" filter: matches no node; correct its value, or remove it']


def test_a_missing_subgraph_is_reported_where_it_is_named(write):
    write("part.json", conversation())
    graph = {"nodes": [{"type": "subgraph", "name": "p", "graph": {"import_uri": "prt.json"}}]}
    assert lines(write("g.json", graph)) == [
        'nodes[0] "p": the file "prt.json" does not exist; did you mean "part.json"?'
    ]


def test_a_finding_is_one_line_whatever_a_name_contains(check):
    line = check(lambda graph: graph["nodes"].append(extension("a\nb\x1b[31m\u2028", "quiet_python")))[0]
    assert line.startswith('nodes[2] "a\\nb\\x1b[31m\\u2028": ')


def test_a_graph_without_nodes(write):
    (found,) = lines(write("g.json", {}))
    assert found.startswith("nodes: No extension node is defined in graph.; add {")


def test_the_graph_itself_is_not_changed_by_checking(write):
    graph = conversation()
    path = write("g.json", copy.deepcopy(graph))
    before = path.read_bytes()
    lines(path)
    assert path.read_bytes() == before
