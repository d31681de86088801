import json

from stream_talk_cli.main import main
from stream_talk_cli.report.charts import ticks
from stream_talk_cli.report.page import render
from stream_talk_cli.report.turns import Turn, groups, percentile, waited_for
from stream_talk_cli.worker.analytics import AnalyticsHandler
from stream_talk_cli.worker.events import StreamEvent


def event(turn: int, kind: str = "analytics.turn", **payload) -> StreamEvent:
    return StreamEvent("s", turn, kind, payload, 1_700_000_000_000 + turn * 60_000, f"s#{turn}/{kind}")


def test_the_page_shows_percentiles_interruptions_and_stages(tmp_path):
    store = tmp_path / "analytics.db"
    handler = AnalyticsHandler(store)
    spans = [{"name": "llm", "node": "llm", "start_ms": 0, "end_ms": 90}]
    handler.handle([event(n, ttfa_ms=100.0 + n, interrupted=n % 4 == 0, spans=spans) for n in range(100)])
    handler.handle([event(5, "analytics.error", module="<tts>", message="boom")])
    handler.handle([event(5, "analytics.error", module="<tts>", message="boom")])
    handler.close()
    out, table = tmp_path / "r.html", tmp_path / "r.csv"
    assert main(["report", "--file", str(store), "--out", str(out), "--csv", str(table)]) == 0
    page = out.read_text()
    assert "150 ms" in page and "195 ms" in page
    assert "25.0 %" in page
    assert ">90 ms<" in page and ">100 %<" in page
    assert "s#99" in page, "the slowest turn can be found in the log"
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
    spans = json.loads('[{"name":"x"},{"node":"llm","start_ms":0,"end_ms":"?"},7]')
    assert "80 ms" in render([Turn(1, 80.0, None, False, spans)], [])


def test_each_moment_counts_for_the_stage_that_began_last():
    spans = [
        {"name": "endpoint", "node": "main_control", "start_ms": 0, "end_ms": 300},
        {"name": "voice_end", "node": "vad", "start_ms": 0, "end_ms": 200},
        {"name": "first_token", "node": "llm", "start_ms": 300, "end_ms": 340},
        {"name": "llm", "node": "llm", "start_ms": 300, "end_ms": 900},
        {"name": "first_audio", "node": "tts", "start_ms": 320, "end_ms": 400},
    ]
    assert waited_for(Turn(1, 400.0, None, False, spans)) == {"vad": 200, "main_control": 100, "llm": 20, "tts": 80}


def test_percentiles_are_of_groups_not_of_single_turns():
    turns = [Turn(n, float(n), None, False, []) for n in range(203)]
    sizes = [len(group) for group in groups(turns)]
    assert len(sizes) == 24 and sum(sizes) == 203 and max(sizes) - min(sizes) <= 1
    assert [len(group) for group in groups(turns[:11])] == [6, 5] or [len(g) for g in groups(turns[:11])] == [5, 6]
    assert len(groups(turns[:1])) == 1


def test_axes_end_at_round_numbers_not_below_what_they_show():
    assert ticks(3460) == [0, 1000, 2000, 3000, 4000]
    for top in (0.0, 0.3, 1.0, 7.0, 99.0, 100.0, 101.0, 12_345.0):
        assert ticks(top)[-1] >= top and 3 <= len(ticks(top)) <= 6
