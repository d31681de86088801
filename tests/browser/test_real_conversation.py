"""A person's recorded voice in a real Chromium, the whole server behind it: asked, answered, interrupted, heard.

The microphone plays one recording over and over (Debian's asterisk-core-sounds: "At the sound of the tone, the time will be
exactly", of which the second half is played), so that the same voice that asks also interrupts the story told later.
"""

from __future__ import annotations

import base64
import io
import json
import os
import socket
import subprocess
import sys
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from chromium import Browser, Page, find_chromium, until
from listening import after_longest_pause, last_saying, ranked

from bench import recorded_speech

pytestmark = [pytest.mark.browser, pytest.mark.speech, pytest.mark.slow]

ROOT = Path(__file__).resolve().parents[2]
RATE_HZ = 16_000
LEAD_S, PERIOD_S = 3.0, 10.0
Samples = np.ndarray[Any, np.dtype[np.int16]]
BEFORE = """
localStorage.setItem('stream-talk.settings', JSON.stringify({processing: false}));
const make = URL.createObjectURL; URL.createObjectURL = (blob) => { window.saved = blob; return make.call(URL, blob); };
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    tmp_path = tmp_path_factory.mktemp("server")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "stream_talk_cli.main", "run", "--no-browser", "--port", str(port)]
    environment = {**os.environ, "XDG_DATA_HOME": str(tmp_path)}
    log = (tmp_path / "server.log").open("wb")
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT)
    url = f"http://127.0.0.1:{port}/"

    def is_ready() -> bool:
        assert process.poll() is None, (tmp_path / "server.log").read_text()
        try:
            return bool(httpx.get(f"{url}health", timeout=2).json()["ready"])
        except httpx.TransportError:
            return False

    until(is_ready, timeout_s=60)
    yield url
    process.terminate()
    process.wait(timeout=20)
    log.close()


@pytest.fixture
def microphone(tmp_path: Path) -> Path:
    if reason := recorded_speech.missing():
        pytest.skip(reason)
    samples = np.zeros(int(PERIOD_S * RATE_HZ), np.int16)
    question = after_longest_pause(recorded_speech.trimmed(recorded_speech.pcm("at-tone-time-exactly")))
    start = int(LEAD_S * RATE_HZ)
    samples[start : start + len(question)] = question
    path = tmp_path / "microphone.wav"
    with wave.open(str(path), "wb") as out:
        out.setparams((1, 2, RATE_HZ, 0, "NONE", ""))
        out.writeframes(samples.tobytes())
    return path


def saved_sound(page: Page) -> tuple[Samples, Samples]:
    """What the person said and what really left the loudspeaker, as the page saves it."""
    page.eval("document.querySelector('#export-audio').click()")
    encoded = page.eval(
        "window.saved.arrayBuffer().then((b) => { const u = new Uint8Array(b); let s = '';"
        " for (let i = 0; i < u.length; i += 8192) s += String.fromCharCode(...u.subarray(i, i + 8192)); return btoa(s); })"
    )
    with wave.open(io.BytesIO(base64.b64decode(encoded))) as sound:
        both = np.frombuffer(sound.readframes(sound.getnframes()), np.int16).reshape(-1, 2)
    return both[:, 0].copy(), both[:, 1].copy()


DECOYS = [
    "Hello. I am listening.",
    "Once there was a lighthouse keeper who talked to the sea every night.",
    "It's a quarter past three in the morning.",
    "It's eleven minutes past seven in the morning.",
    "You say the tone. Tell me more.",
]


def last_reply(page: Page) -> str:
    return str(page.eval("[...document.querySelectorAll('.saying.it p')].at(-1).textContent"))


ALL_HEARD = """(() => {
  const said = document.querySelector('.saying:last-child');
  return said.matches('.it.voiced') && said.querySelector('.lit') && !said.querySelector('p > span:not(.lit)');
})()"""
STORIES = "[...document.querySelectorAll('.saying.it')].filter((e) => e.textContent.includes('Once there was'))"


def interrupted_story(page: Page) -> str:
    """Asks for a story, and waits until the voice has cut it short. Returns what was struck out of it."""
    told = page.eval(f"{STORIES}.length")
    page.eval("document.querySelector('#composer-text').focus()")
    page.type("tell me a story")
    page.key("Enter")
    page.wait(f"{STORIES}.length > {told} && {STORIES}.at(-1).querySelector('s')", 30)
    return str(page.eval(f"[...{STORIES}.at(-1).querySelectorAll('s')].map((e) => e.textContent).join('')"))


def test_a_person_asks_is_answered_and_interrupts(server: str, microphone: Path) -> None:
    if find_chromium() is None:
        pytest.skip("Chromium is not installed (apt-get install chromium)")
    browser = Browser(f"--use-file-for-fake-audio-capture={microphone}")
    try:
        page = browser.open(server, before=BEFORE)
        page.click("#talk")
        page.wait("document.querySelector('.saying')", 40)  # a busy machine may ask to wait for a place

        # The question is understood and answered with the time.
        asked = "[...document.querySelectorAll('.saying.you p')].some((e) => /time/.test(e.textContent) && !e.querySelector('.unstable'))"
        page.wait(asked, 95)  # said again every ten seconds, should a busy machine not understand it at first
        page.wait(f"{ALL_HEARD} && document.body.dataset.state === 'listening'", 30)
        answer = last_reply(page)

        # It was really heard: loud enough, and its words are there.
        said, heard = saved_sound(page)
        assert np.sqrt(np.mean(said.astype(float) ** 2)) > 100
        spoken = last_saying(heard)
        assert np.sqrt(np.mean(spoken.astype(float) ** 2)) > 300
        ranking = ranked(spoken, [*DECOYS, answer])
        assert ranking[0][0] == answer, ranking
        assert ranking[0][1] > 0.5 and ranking[0][1] > ranking[1][1] + 0.1, ranking

        # The next time the voice comes, it interrupts a story; the rest of it is struck out.
        unheard = interrupted_story(page)
        if (
            "Once there was" in unheard
        ):  # the voice came before the story had begun; there are ten seconds until it comes again
            unheard = interrupted_story(page)
        assert "after all." in unheard
        assert "Once there was" not in unheard

        # The waterfall tells where the time went.
        page.eval("document.querySelector('[data-panel=timing]').click()")
        page.wait("document.querySelectorAll('.turn tbody tr').length > 6", 10)
        stages = page.eval("[...document.querySelectorAll('.turn th[scope=row]')].map((e) => e.textContent)")
        assert {"End of turn", "Last words", "Voice", "Line, down", "Loudspeaker"} <= set(stages)
        assert page.problems() == []
    finally:
        browser.close()


WATCH = """
addEventListener('DOMContentLoaded', () => {
  document.querySelector('#talk').addEventListener('click', () => { window.clickedMs ??= performance.now(); }, {capture: true});
  new MutationObserver(() => { window.wasFull ||= !document.querySelector('#failure').hidden; })
    .observe(document.querySelector('#failure'), {attributes: true});
  new MutationObserver(() => {
    if (document.querySelector('.saying p')?.textContent) window.captionMs ??= performance.now();
  }).observe(document.querySelector('#captions'), {subtree: true, childList: true, characterData: true});
});
"""


@pytest.fixture
def browser() -> Iterator[Browser]:
    if find_chromium() is None:
        pytest.skip("Chromium is not installed (apt-get install chromium)")
    running = Browser()
    yield running
    running.close()


def test_the_first_caption_comes_within_a_second_of_the_click(server: str, browser: Browser) -> None:
    took_ms = []
    for _ in range(6):
        page = browser.open(server, before=WATCH)
        page.click("#talk")
        page.wait("window.captionMs", 60)
        if not page.eval("window.wasFull"):
            took_ms.append(page.eval("window.captionMs - window.clickedMs"))
        page.close()
    if not took_ms:
        pytest.skip("this machine is so busy that the server let nobody in at once")
    # The first visits warm everything up, and a busy machine is late now and then: what counts is what it can do.
    assert min(took_ms) <= 1000, took_ms


def test_a_reload_in_the_middle_of_a_sentence_loses_no_word(server: str, browser: Browser) -> None:
    page = browser.open(server)
    page.click("#composer-text")
    page.type("say the sea is calm tonight and every boat has long come home")
    page.key("Enter")
    page.wait("document.querySelectorAll('.saying.it:last-child .lit').length > 2", 40)
    page.reload()
    page.wait("document.querySelector('.saying.it.sounding')", 10)
    page.wait("!document.querySelector('.saying.it.sounding') && document.body.dataset.state === 'typing'", 20)
    said = page.eval("[...document.querySelectorAll('.saying.it p')].map((e) => e.textContent)")
    assert [text for text in said if "sea is calm" in text] == [
        "The sea is calm tonight and every boat has long come home."
    ]
    assert (
        page.eval("document.querySelectorAll('.saying:last-child s, .saying:last-child p > span:not(.lit)').length")
        == 0
    )
    assert page.problems() == []


def test_the_real_server_serves_the_page_under_its_policy(server: str) -> None:
    answer = httpx.get(server)
    policy = answer.headers["content-security-policy"]
    assert "script-src 'self'" in policy and "unsafe" not in policy
    assert json.loads(httpx.get(f"{server}v1/graphs").text)["graphs"]


def test_a_terminal_talks_with_the_same_server(server: str) -> None:
    command = [sys.executable, "-m", "stream_talk_cli.main", "chat", "--text", "--url", server]
    said = "what time is it\nsay the sea is calm\n"
    result = subprocess.run(command, cwd=ROOT, input=said, capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 0, result.stderr
    assert "it   The sea is calm." in result.stdout
    assert result.stdout.count("ms to the first sound") >= 2
