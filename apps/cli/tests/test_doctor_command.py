from __future__ import annotations

import json

from stream_talk.graph import find_graph
from stream_talk.testing.openai_server import OpenAiServer
from stream_talk_cli.doctor import machine, servers
from stream_talk_cli.doctor.needs import Here, unmet
from stream_talk_cli.doctor.servers import ServerFound
from stream_talk_cli.main import main


def test_every_no_has_its_remedy(capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("STREAM_TALK_DATA_DIR", str(tmp_path))
    assert main(["doctor", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["places"]["memory"] == str(tmp_path / "memory.db")
    assert report["machine"]["cores"] >= 1
    assert {graph["name"] for graph in report["graphs"]} >= {"embedded"}
    for graph in report["graphs"]:
        assert graph["runs_here"] or all(obstacle["remedy"] for obstacle in graph["obstacles"]), graph
    assert all(server["running"] or server["remedy"] for server in report["servers"])
    assert report["audio"]["available"] or report["audio"]["remedy"]


def test_one_graph_decides_the_exit_code(capsys):
    assert main(["doctor", "--graph", "embedded"]) == 0
    assert "yes  embedded" in capsys.readouterr().out


def test_a_running_model_server_is_found_with_its_models():
    with OpenAiServer() as server:
        [found] = servers.look((("Mine", server.base_url, "start it"),))
    assert found.running and found.models
    [gone] = servers.look((("Mine", server.base_url, "start it"),))
    assert not gone.running and gone.remedy == "start it"


def problems_of(graph: str, here: Here) -> list[str]:
    return [f"{p.where}: {p.message} -> {p.remedy}" for p in unmet(find_graph(graph), here)]


def test_a_graph_for_other_hardware_says_so_first():
    nothing = Here(cuda=False, apple_silicon=False, servers=())
    assert problems_of("cuda", nothing) == [
        "stt, tts: runs on an NVIDIA GPU, and none is seen here -> take another graph (cpu)"
    ]
    (apple,) = problems_of("mlx", nothing)
    assert apple.startswith("stt, tts: runs on Apple Silicon")
    assert problems_of("cuda", Here(cuda=True, apple_silicon=False, servers=())) == []
    assert problems_of("embedded", nothing) == []


def test_a_model_server_that_does_not_run_or_has_no_model_is_an_obstacle():
    gone = ServerFound("LM Studio", "http://127.0.0.1:1234/v1", False, remedy="start it")
    empty = ServerFound("LM Studio", "http://127.0.0.1:1234/v1", True)
    loaded = ServerFound("LM Studio", "http://127.0.0.1:1234/v1", True, ("qwen",))
    said = [problems_of("lmstudio", Here(False, False, (server,))) for server in (gone, empty, loaded)]
    assert said[0] == ["llm: LM Studio does not answer at http://127.0.0.1:1234/v1 -> start it"]
    assert "no model loaded" in said[1][0] and said[2] == []


def test_a_service_needs_its_key():
    without = Here(False, False, (), {})
    assert problems_of("openai", without) == [
        "llm: the service needs a key in OPENAI_API_KEY -> export OPENAI_API_KEY=..."
    ]
    assert problems_of("grok", Here(False, False, (), {"XAI_API_KEY": "x"})) == []


def test_what_one_command_brings_is_one_line(capsys):
    assert main(["doctor", "--graph", "funasr-cosyvoice"]) == 1
    told = capsys.readouterr().out
    assert told.count("-> run: stream-talk engines install cosyvoice") == 1


def test_graphs_for_other_hardware_are_not_followed_by_their_installations(capsys, monkeypatch):
    monkeypatch.setattr(machine, "cuda", list)
    assert main(["doctor"]) == 0
    lines = capsys.readouterr().out.splitlines()
    at = next(index for index, line in enumerate(lines) if "cuda: " in line)
    assert "NVIDIA" in lines[at + 1] and lines[at + 3].startswith(("  yes", "  no"))
