from __future__ import annotations

import json

from stream_talk.testing.openai_server import OpenAiServer
from stream_talk_cli.doctor import servers
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
