import json

import pytest
from stream_talk_cli.main import main

GRAPH = {
    "nodes": [
        {"type": "extension", "name": "vad", "addon": "ear_python"},
        {"type": "extension", "name": "end", "addon": 'odd_"name"_python'},
    ],
    "connections": [
        {"extension": "vad", "audio_frame": [{"name": "pcm", "dest": [{"extension": "end"}]}]},
        {"extension": "vad", "cmd": [{"names": ["start", "stop"], "dest": [{"extension": "end"}]}]},
    ],
    "exposed_messages": [
        {"type": "audio_frame_in", "name": "pcm", "extension": "vad"},
        {"type": "data_out", "name": "message", "extension": "end"},
    ],
}


@pytest.fixture
def app(tmp_path, monkeypatch):
    (tmp_path / "manifest.json").write_text('{"type": "app", "name": "a", "version": "0.1.0"}')
    (tmp_path / "ten_packages" / "extension" / "ear_python").mkdir(parents=True)
    (tmp_path / "ten_packages" / "extension" / "ear_python" / "__init__.py").touch()
    (tmp_path / "graphs").mkdir()
    monkeypatch.setenv("STREAM_TALK_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(app, name, graph):
    (app / "graphs" / name).write_text(json.dumps(graph))


SOUND = {"nodes": GRAPH["nodes"][:1]}
WRONG = {"nodes": [{"type": "extension", "name": "vad", "addon": "eer_python"}, {"type": "extension", "name": "x"}]}


def test_check_prints_one_line_per_finding_and_says_ok(app, capsys):
    write(app, "good.json", SOUND)
    write(app, "bad.json", WRONG)
    assert main(["graph", "check", "graphs/good.json"]) == 0
    assert capsys.readouterr().out == "graphs/good.json: ok\n"
    assert main(["graph", "check", "graphs/good.json", "graphs/bad.json"]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "graphs/good.json: ok",
        "graphs/bad.json: nodes[1] \"x\": 'addon' is missing",
        'graphs/bad.json: nodes[0] "vad": the addon "eer_python" is not installed; did you mean "ear_python"?',
    ]


def test_check_without_files_looks_at_all_graphs(app, capsys):
    write(app, "a.json", SOUND)
    write(app, "b.json", SOUND)
    assert main(["graph", "check"]) == 0
    assert [line.rsplit("/")[-1] for line in capsys.readouterr().out.splitlines()] == ["a.json: ok", "b.json: ok"]


def test_check_as_json(app, capsys):
    write(app, "bad.json", {"nodes": WRONG["nodes"][:1]})
    assert main(["graph", "check", "--json", "bad"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert report["ok"] is False
    (finding,) = report["findings"]
    assert finding["file"].endswith("bad.json")
    assert finding["where"] == 'nodes[0] "vad"'
    assert finding["problem"] == 'the addon "eer_python" is not installed'
    assert finding["remedy"] == 'did you mean "ear_python"?'


def show(app, capsys, *options):
    write(app, "g.json", GRAPH | {"nodes": [GRAPH["nodes"][0], GRAPH["nodes"][1] | {"addon": "voice_python"}]})
    assert main(["graph", "show", "g", *options]) == 0
    return capsys.readouterr().out


def test_show_in_a_terminal(app, capsys):
    assert show(app, capsys) == (
        "g.json\n"
        "nodes\n"
        "  vad  ear_python\n"
        "  end  voice_python\n"
        "ports\n"
        "  in  audio_frame pcm -> vad\n"
        "  out data message <- end\n"
        "edges\n"
        "  vad\n"
        "    audio_frame pcm -> end\n"
        "    cmd start, stop -> end\n"
    )


def test_show_as_mermaid(app, capsys):
    lines = show(app, capsys, "--format", "mermaid").splitlines()
    assert lines[:4] == ["---", 'title: "g.json"', "---", "flowchart LR"]
    assert '  n1["end<br><small>voice_python</small>"]' in lines, (
        "`end` is a word of mermaid: nodes get ids of their own"
    )
    assert lines[-4:] == [
        '  h ==>|"pcm"| n0',
        '  n1 -->|"message"| h',
        '  n0 ==>|"pcm"| n1',
        '  n0 -.->|"start<br>stop"| n1',
    ]


def test_show_as_dot(app, capsys):
    output = show(app, capsys, "--format", "dot")
    assert output.startswith("digraph {")
    assert output.endswith("}\n")
    assert '  "vad" -> "end" [label="start\\nstop", style=dashed];' in output
    assert output.count("->") == 4


def test_what_cannot_be_shown_is_told_in_one_line(app, capsys):
    (app / "graphs" / "torn.json").write_text("{")
    for name, told in (
        ("torn", "torn.json: line 1 column 2: not valid JSON"),
        ("none", 'there is no graph "none"; graphs here: torn'),
    ):
        assert main(["graph", "show", name]) == 1
        output = capsys.readouterr()
        assert output.out == ""
        assert told in output.err
        assert len(output.err.splitlines()) == 1


def test_a_graph_of_ours_may_be_called_by_its_name(capsys):
    assert main(["graph", "check", "embedded-silero", "--any-machine"]) == 0
    assert "ok" in capsys.readouterr().out
