from __future__ import annotations

import json

from stream_talk.testing.openai_server import OpenAiServer, Reply
from stream_talk_cli.doctor import servers
from stream_talk_cli.main import main


def turn(**spans: tuple[str, float, float]) -> dict:
    rows = [{"name": name, "node": node, "start_ms": a, "end_ms": b} for name, (node, a, b) in spans.items()]
    return {"turn_id": 1, "endpoint_ms": 300.0, "ttfa_ms": 500.0, "spans": rows}


def test_the_embedded_graph_predicts_its_first_sound_and_memory(capsys):
    assert main(["graph", "check", "--budget", "embedded"]) == 0
    said = capsys.readouterr().out
    assert "ms predicted" in said and "memory: about" in said
    for node in ("vad", "stt", "llm", "tts"):
        assert f"  {node} " in said


def test_a_trace_stands_beside_the_prediction_and_disagreement_is_marked(tmp_path, capsys):
    trace = tmp_path / "trace.json"
    spans = {
        "voice_end": ("vad", 0, 205), "last_words": ("stt", 205, 2_205), "first_token": ("llm", 2_205, 2_219),
        "first_audio": ("tts", 2_219, 2_240),
    }  # fmt: skip
    trace.write_text(json.dumps({"turns": [turn(**spans), {"turn_id": 0, "endpoint_ms": None, "spans": []}]}))
    assert main(["graph", "check", "--reconcile", str(trace), "embedded"]) == 0
    rows = {line.split()[0]: line for line in capsys.readouterr().out.splitlines() if line.startswith("  ")}
    assert "2000 ms (off)" in rows["stt"]
    assert "205 ms" in rows["vad"] and "(off)" not in rows["vad"]
    assert "2240 ms measured" in rows["speech"]


def test_a_stage_that_says_nothing_is_named_and_a_bad_trace_is_refused(tmp_path, capsys):
    assert main(["graph", "check", "--budget", "cuda"]) == 0
    told = capsys.readouterr().out
    assert "depends on the model; measure it" in told and "unknown" in told
    (tmp_path / "t.json").write_text("[]")
    assert main(["graph", "check", "--reconcile", str(tmp_path / "t.json"), "embedded"]) == 1
    assert "is no trace" in capsys.readouterr().err


def test_a_model_server_of_this_machine_is_asked_how_fast_it_is(monkeypatch, capsys):
    with OpenAiServer(Reply(tokens=["word "] * 20, first_token_delay_ms=200, token_delay_ms=10)) as server:
        found = servers.ServerFound("LM Studio", server.base_url, True, ("tiny",))
        monkeypatch.setattr(servers, "look", lambda: [found])
        assert main(["graph", "check", "--budget", "lmstudio"]) == 0
    rows = {line.split()[0]: line for line in capsys.readouterr().out.splitlines() if line.startswith("  ")}
    assert "probed just now" in rows["llm"]
    assert 270 <= float(rows["llm"].split()[1]) < 5000
    assert "predicted" in rows["speech"]


def test_memory_is_at_least_that_of_the_models_that_are_named(capsys):
    assert main(["graph", "check", "--budget", "cuda"]) in (0, 1)
    rows = {line.split()[0]: line for line in capsys.readouterr().out.splitlines() if line.startswith("  ")}
    assert f"{1620 * 1.2:.0f} MB" in rows["stt"] and f"{4900 * 1.2:.0f} MB" in rows["tts"]
