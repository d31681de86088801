import json

from stream_talk_cli.main import main
from stream_talk_cli.report.page import Turn, percentile, render
from stream_talk_cli.worker.analytics import AnalyticsHandler
from stream_talk_cli.worker.events import StreamEvent


def event(turn: int, kind: str = "analytics.turn", **payload) -> StreamEvent:
    return StreamEvent("s", turn, kind, payload, 1_700_000_000_000 + turn * 60_000, f"s#{turn}/{kind}")


def test_the_page_shows_percentiles_interruptions_and_stages(tmp_path):
    store = tmp_path / "analytics.db"
    handler = AnalyticsHandler(store)
    spans = [{"name": "llm", "node": "llm", "start_ms": 0, "end_ms": 120}]
    handler.handle([event(n, ttfa_ms=100.0 + n, interrupted=n % 4 == 0, spans=spans) for n in range(100)])
    handler.handle([event(5, "analytics.error", module="<tts>", message="boom")])
    handler.handle([event(5, "analytics.error", module="<tts>", message="boom")])
    handler.close()
    out, table = tmp_path / "r.html", tmp_path / "r.csv"
    assert main(["report", "--file", str(store), "--out", str(out), "--csv", str(table)]) == 0
    page = out.read_text()
    assert "150 ms" in page and "195 ms" in page
    assert "25.0 %" in page
    assert ">120 ms<" in page
    assert "&lt;tts&gt;" in page and "<tts>" not in page
    assert "http" not in page.replace("http-equiv", ""), "the page must open without a network"
    assert len(table.read_text().splitlines()) == 101


def test_without_turns_the_page_says_how_to_get_some():
    assert "worker analytics" in render([], [])


def test_a_missing_file_is_said(tmp_path, capsys):
    assert main(["report", "--file", str(tmp_path / "none.db")]) == 1
    assert "worker analytics" in capsys.readouterr().err


def test_turns_without_a_latency_do_not_count_in_percentiles():
    turns = [Turn(1, None, None, False, []), Turn(2, 80.0, None, False, [])]
    assert "80 ms" in render(turns, [])
    assert percentile([], 0.5) is None


def test_damaged_spans_are_left_out():
    turns = [Turn(1, 80.0, None, False, json.loads('[{"name":"x"},{"node":"llm","start_ms":0,"end_ms":"?"}]'))]
    assert "80 ms" in render(turns, [])
