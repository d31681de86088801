"""When recordings are played, and what files are accepted."""

import numpy as np
import pytest
from stream_talk.audio.wav import write_wav

from ten_packages.extension.wav_io_python.narrator import narrate
from ten_packages.extension.wav_io_python.script import Item, Script, load_item

FRAME = 320


def script(*into_reply_ms) -> Script:
    items = [Item(f"q{i}", np.full(FRAME * 5, i + 1, dtype=np.int16), at) for i, at in enumerate(into_reply_ms)]
    return Script(items, lead_ms=100, gap_ms=200, reply_timeout_ms=2000)


def play(script: Script, until_ms: int, events: dict[int, str] | None = None) -> dict[int, int]:
    """Start time of every recording, by its sample value; `events` are states by time."""
    starts: dict[int, int] = {}
    for now in range(0, until_ms, 20):
        if events and now in events:
            script.state(events[now], now)
        level = int(script.frame(now, FRAME)[0])
        if level and level not in starts:
            starts[level] = now
        if script.over(now):
            starts[-1] = now
            break
    return starts


def test_the_second_recording_waits_for_the_reply_to_end():
    events = {400: "thinking", 500: "speaking", 1500: "listening"}
    starts = play(script(None, None), 6000, events)
    assert starts[1] == 200
    assert 1700 <= starts[2] <= 1740


def test_an_interruption_starts_into_the_reply():
    starts = play(script(None, 600.0), 6000, {400: "thinking", 500: "speaking"})
    assert 1100 <= starts[2] <= 1120


def test_a_reply_that_never_comes_is_given_up():
    starts = play(script(None, None), 20_000, {})
    assert 2200 <= starts[2] <= 2500
    assert starts[-1] <= starts[2] + 2500


@pytest.mark.parametrize("rate_hz", [8000, 16000, 24000, 44100, 48000])
@pytest.mark.parametrize("channels", [1, 2])
def test_any_rate_and_stereo_become_the_sessions_format(tmp_path, rate_hz, channels):
    wave = (np.sin(np.arange(rate_hz) * 2 * np.pi * 220 / rate_hz) * 9000).astype(np.int16)
    path = tmp_path / "q.wav"
    write_wav(path, wave if channels == 1 else np.stack([wave, wave], axis=1), rate_hz)
    item = load_item(str(path), 16000)
    assert abs(len(item.pcm) - 16000) <= 16
    assert 6000 < np.sqrt(np.mean(np.square(item.pcm[800:-800].astype(float)))) < 6700


def test_pcm_files_standard_input_and_offsets(tmp_path):
    raw = np.arange(10, dtype="<i2").tobytes()
    path = tmp_path / "q.pcm"
    path.write_bytes(raw + b"x")
    assert load_item(str(path) + "@1500", 16000).into_reply_ms == 1500.0
    assert list(load_item("-", 16000, raw).pcm) == list(range(10))


def test_the_narrator_tells_what_matters():
    assert "you" in narrate({"type": "user_text", "final": True, "text": "hi"})
    assert narrate({"type": "user_text", "final": False, "text": "h"}) == ""
    told = narrate({"type": "heard", "heard_text": "One two", "unheard_text": "three"})
    assert "One two" in told and "[not heard: three]" in told
    assert "123 ms" in narrate({"type": "turn", "trace": {"ttfa_ms": 123.4}})
    assert narrate({"type": "turn", "trace": {}}) == ""
