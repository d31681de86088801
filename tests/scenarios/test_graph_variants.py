"""Every offered graph that runs here holds a conversation; which one is a matter of the file alone."""

import json

import pytest
from stream_talk.graph import offered_graphs
from stream_talk_cli.commands import talk as talk_command
from stream_talk_cli.main import main

LOCAL = ["embedded", "embedded-no-echo-guard", "embedded-silero", "push-to-talk", "text-only", "chinese-voice"]
SAID = {"chinese-voice": "text:你好"}


def test_the_local_graphs_are_offered_and_run_here():
    offers = {offer.name: offer for offer in offered_graphs()}
    assert set(LOCAL) <= set(offers)
    assert [name for name in LOCAL if not offers[name].runs_here] == []


@pytest.mark.parametrize("graph", LOCAL)
def test_a_graph_file_is_all_it_takes(graph, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("TEN_VIRTUAL_CLOCK", "1")
    arguments = ["talk", "--graph", graph, "--virtual", "--json", "--trace", str(tmp_path / "trace.json")]
    said = SAID.get(graph)
    code = main(
        [*arguments, "--text", said[5:]] if said else [*arguments, "--once", "--out", str(tmp_path / "out.wav")]
    )
    assert code == 0, capsys.readouterr().err
    trace = json.loads((tmp_path / "trace.json").read_text(encoding="utf-8"))
    roles = [turn["role"] for turn in trace["transcript"]]
    assert roles[-2:] == ["user", "assistant"]
    heard = trace["transcript"][-1]["text"]
    assert any("\u4e00" <= c <= "\u9fff" for c in heard) == (graph == "chinese-voice")
    assert not [m for m in trace["messages"] if m["type"] == "error"]


def test_the_button_follows_the_graphs_mode():
    from stream_talk.graph import find_graph, resolve_graph

    assert talk_command._button(resolve_graph(find_graph("push-to-talk"))) == "push_to_talk"
    assert talk_command._button(resolve_graph(find_graph("embedded"))) == "none"
