"""What a conversation survives: a reload, a server that went, a line that broke while something was pressed."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import pytest
from chromium import Browser, Page, until
from fake_gateway import FakeGateway
from probes import failure, real_problems, state_is
from scenes import talk, turn

pytestmark = pytest.mark.browser
Opener = Callable[..., Page]

STORY = "Once upon a time there was a king who never listened to anybody at all."


def reports(gateway: FakeGateway, state: str) -> list[dict[str, float]]:
    return [report for report in gateway.of_type("playout") if report["state"] == state]


def test_a_reload_goes_on_from_the_sample_that_was_heard(open_page: Opener, gateway: FakeGateway) -> None:
    page = open_page()
    talk(page, gateway)
    turn(page, gateway, 1, "Tell me a story.", STORY, duration_ms=4000)
    until(lambda: any(report["played_ms"] > 400 for report in reports(gateway, "playing")))
    before = len(gateway.of_type("playout"))
    page.reload()
    resume = until(lambda: gateway.of_type("resume"))[0]
    heard_ms = resume["played"]["played_ms"]
    assert resume["played"]["generation"] == 1 and 400 < heard_ms < 4000
    state_is(page, "speaking")
    assert page.text(".saying.you p") == "Tell me a story."
    finished = until(lambda: reports(gateway, "finished"))[0]
    assert abs(finished["played_ms"] - 4000) < 5
    # Nothing was said twice and nothing left out: the sound went on where it was.
    after = gateway.of_type("playout")[before:]
    assert after[0]["state"] == "started" and abs(after[0]["played_ms"] - heard_ms) < 5
    page.wait("!document.querySelector('.saying.it p > span:not(.lit)')")
    assert page.eval("document.querySelectorAll('.saying').length") == 2
    # The microphone counts on where it was: frames under old numbers would be thrown away.
    assert gateway.sound_seqs == sorted(set(gateway.sound_seqs))
    heard = len(gateway.sound)
    until(lambda: len(gateway.sound) > heard)
    assert len(gateway.of_type("hello")) == 1 and real_problems(page) == []


def test_a_reload_that_comes_too_late_begins_anew_with_what_was_said(open_page: Opener, gateway: FakeGateway) -> None:
    page = open_page()
    talk(page, gateway)
    turn(page, gateway, 1, "Are you there?", "Yes.", duration_ms=300)
    until(lambda: reports(gateway, "finished"))
    name = gateway.of_type("hello")[0]["conversation"]
    gateway.forgets = True
    page.reload()
    hello = until(lambda: gateway.of_type("hello")[1:])[0]
    assert [line["content"] for line in hello["history"]] == ["Are you there?", "Yes."]
    assert hello["conversation"] == name
    state_is(page, "listening")
    turn(page, gateway, 1, "Still?", "Still.", duration_ms=300)
    page.wait("document.querySelectorAll('.saying p').length === 4")
    said = page.eval("[...document.querySelectorAll('.saying p')].map((e) => e.textContent)")
    assert said == ["Are you there?", "Yes.", "Still?", "Still."]


def test_an_ended_conversation_is_still_there_after_a_reload_and_stays_ended(
    open_page: Opener, gateway: FakeGateway
) -> None:
    page = open_page()
    talk(page, gateway)
    turn(page, gateway, 1, "Are you there?", "Yes.", duration_ms=300)
    page.click("#talk")
    until(lambda: gateway.of_type("bye"))
    page.reload()
    assert page.text(".saying.you p") == "Are you there?"
    state_is(page, "idle")
    assert gateway.connections == 1


def test_nothing_is_kept_of_what_must_not_be_remembered(open_page: Opener, gateway: FakeGateway) -> None:
    page = open_page(before="localStorage.setItem('stream-talk.settings', '{\"incognito\": true}')")
    talk(page, gateway)
    turn(page, gateway, 1, "A secret.", "I see.", duration_ms=300)
    page.reload()
    assert page.eval("document.querySelectorAll('.saying').length") == 0
    assert page.eval("sessionStorage.length") == 0
    assert until(lambda: gateway.of_type("bye")), "such a conversation is over"


# Chromium lets a reloaded page play at once; other browsers want to be touched first, and their `resume` waits for that.
WANTS_A_TOUCH = """
if (performance.getEntriesByType('navigation')[0].type === 'reload') {
  window.AudioContext = class extends AudioContext {
    constructor(options) { super(options); super.suspend(); }
    resume() { return navigator.userActivation.isActive ? super.resume() : new Promise(() => {}); }
  };
}
"""


def test_a_browser_that_holds_sound_back_after_a_reload_says_so(open_page: Opener, gateway: FakeGateway) -> None:
    page = open_page(before=WANTS_A_TOUCH)
    page.is_touched = False
    talk(page, gateway)
    page.reload()
    assert failure(page) == "The browser has put sound on hold."
    page.click('[data-way="wake"]')
    page.wait("document.querySelector('#failure').hidden")
    turn(page, gateway, 1, "And now?", "Now you hear me.", duration_ms=300)
    until(lambda: reports(gateway, "finished"))


def test_a_server_that_was_away_when_talk_was_pressed_is_found_when_it_is_back(browser: Browser) -> None:
    with contextlib.ExitStack() as servers:
        first = FakeGateway()
        page = browser.open(first.url)
        first.stop()
        page.click("#talk")
        assert failure(page) == "The server cannot be reached. Is Stream-Talk still running?"
        second = FakeGateway(first.port)
        servers.callback(second.stop)
        state_is(page, "listening")
        until(lambda: len(second.sound) > 16000)
        page.wait("document.querySelector('#failure').hidden")
        turn(page, second, 1, "Hello?", "Here I am.", duration_ms=300)
        until(lambda: reports(second, "finished"))
        page.close()


def test_a_restarted_server_is_handed_the_conversation(browser: Browser) -> None:
    with contextlib.ExitStack() as servers:
        first = FakeGateway()
        page = browser.open(first.url)
        talk(page, first)
        turn(page, first, 1, "Are you there?", "Yes.", duration_ms=300)
        until(lambda: reports(first, "finished"))
        first.stop()
        state_is(page, "reconnecting")
        second = FakeGateway(first.port)
        second.forgets = True
        servers.callback(second.stop)
        hello = until(lambda: second.of_type("hello"))[0]
        assert [line["content"] for line in hello["history"]] == ["Are you there?", "Yes."]
        state_is(page, "listening")
        page.close()


def test_what_is_pressed_while_the_line_is_broken_is_told_when_it_is_back(
    open_page: Opener, gateway: FakeGateway
) -> None:
    page = open_page()
    talk(page, gateway)
    turn(page, gateway, 1, "Go on.", STORY, duration_ms=6000)
    gateway.unreachable = True
    gateway.drop()
    state_is(page, "reconnecting")
    page.key("m")
    page.click("#stop")
    page.click('[data-panel="settings"]')
    page.click("#settings label:has([value=off])")
    gateway.unreachable = False
    until(lambda: gateway.of_type("resume"))
    assert until(lambda: gateway.of_type("mute"))[0]["on"] is True
    assert until(lambda: gateway.of_type("stop"))
    assert until(lambda: gateway.of_type("settings"))[0]["interruption"] == "off"
    assert until(lambda: reports(gateway, "dropped"))[0]["played_ms"] < 6000


def test_enter_pressed_twice_sends_once(open_page: Opener, gateway: FakeGateway) -> None:
    page = open_page()
    page.click("#composer-text")
    page.type("only once")
    page.key("Enter")
    page.key("Enter")
    until(lambda: gateway.of_type("text"))
    page.wait("document.querySelector('#composer-text').value === ''")
    assert len(gateway.of_type("text")) == 1


def test_a_remembered_loudspeaker_that_is_gone_keeps_nobody_from_hearing(
    open_page: Opener, gateway: FakeGateway
) -> None:
    page = open_page(before="localStorage.setItem('stream-talk.settings', '{\"speakerId\": \"unplugged\"}')")
    talk(page, gateway)
    turn(page, gateway, 1, "Hello?", "Here I am.", duration_ms=300)
    until(lambda: reports(gateway, "finished"))
    assert real_problems(page) == []


COUNT_LOCKS = """
window.locks = 0;
Object.defineProperty(Navigator.prototype, 'wakeLock', {value: {request: async () => {
  window.locks += 1;
  const lock = {released: false, release: async () => { if (!lock.released) window.locks -= 1; lock.released = true; }};
  return lock;
}}});
"""


def test_the_screen_stays_awake_as_long_as_the_conversation_and_no_longer(
    open_page: Opener, gateway: FakeGateway
) -> None:
    page = open_page(before=COUNT_LOCKS)
    talk(page, gateway)
    page.wait("window.locks === 1")
    gateway.drop()
    until(lambda: gateway.of_type("resume"))
    page.wait("document.body.dataset.state === 'listening' && window.locks === 1")
    page.click("#talk")
    page.wait("window.locks === 0")


def test_a_microphone_that_the_system_silences_is_told_and_forgotten(open_page: Opener, gateway: FakeGateway) -> None:
    keep = """
    const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
    navigator.mediaDevices.getUserMedia = async (wanted) => (window.stream = await ask(wanted));
    """
    page = open_page(before=keep)
    talk(page, gateway)
    page.eval("window.stream.getAudioTracks()[0].dispatchEvent(new Event('mute'))")
    assert "silenced" in failure(page)
    page.eval("window.stream.getAudioTracks()[0].dispatchEvent(new Event('unmute'))")
    page.wait("document.querySelector('#failure').hidden")
    page.eval("window.stream.getAudioTracks()[0].dispatchEvent(new Event('ended'))")
    assert failure(page) == "The microphone was unplugged."
    state_is(page, "typing")
    page.click('[data-way="retry"]')
    state_is(page, "listening")
