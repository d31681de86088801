"""The page in a real Chromium, against a server that says exactly what each test wants said."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from chromium import Page, until
from fake_gateway import FakeGateway
from probes import KEEP_BLOBS, LOUDEST_OF_BOTH_SIDES, OUTSIDE, choose, real_problems, state_is
from scenes import SCENES, graph_stats, talk, turn

pytestmark = pytest.mark.browser
Opener = Callable[..., Page]


def test_every_state_is_seen(open_page: Opener, gateway: FakeGateway) -> None:
    page = open_page()
    assert page.text("#state") == "Ready when you are"
    talk(page, gateway)
    assert gateway.received[0]["type"] == "hello"
    seen = {}
    for state in ("hearing", "thinking", "speaking", "paused", "listening"):
        gateway.say("state", state=state, turn_id=1)
        state_is(page, state)
        seen[page.text("#state")] = page.eval("getComputedStyle(document.body).getPropertyValue('--voice')")
    assert list(seen) == ["I hear you", "Thinking", "Speaking", "Go on, I’m listening", "Listening"]
    assert page.text("#talk-label") == "End"
    page.click("#talk")
    state_is(page, "idle")
    until(lambda: gateway.of_type("bye"))
    assert real_problems(page) == []


def test_a_turn_is_captioned_lit_measured_and_reported(open_page: Opener, gateway: FakeGateway) -> None:
    page = open_page()
    talk(page, gateway)
    turn(page, gateway, 1, "What time is it?", "It is half past four in the afternoon.", duration_ms=2400)
    assert page.text(".saying.you p") == "What time is it?"
    page.wait(
        "document.querySelectorAll('.saying.it .lit').length >= 2 && document.querySelector('.saying.it p > span:not(.lit)')"
    )
    page.wait("!document.querySelector('.saying.it p > span:not(.lit)')")
    until(lambda: any(r["state"] == "finished" for r in gateway.of_type("playout")))
    reports = gateway.of_type("playout")
    assert reports[0]["state"] == "started" and reports[0]["request_id"] == "r1"
    assert abs(reports[-1]["played_ms"] - 2400) < 5
    played = [report["played_ms"] for report in reports]
    assert played == sorted(played) and len(reports) > 8
    page.click('[data-panel="timing"]')
    stages = page.eval("[...document.querySelectorAll('.turn tbody th')].map((e) => e.textContent)")
    assert {
        "End of turn",
        "Recognition",
        "Language model",
        "Voice",
        "Line, down",
        "Playout buffer",
        "Loudspeaker",
    } <= set(stages)
    assert page.text("#timing-figures dd").endswith("ms")
    assert page.text("#line-figures").split("\n")[::2] == ["Round trip", "Buffer", "Dropouts"]


def test_an_interruption_is_silent_at_once_and_strikes_what_was_not_heard(
    open_page: Opener, gateway: FakeGateway
) -> None:
    page = open_page()
    talk(page, gateway)
    turn(
        page, gateway, 1, "Tell me a story.", "Once upon a time there was a king who never listened.", duration_ms=4000
    )
    gateway.say("playout_control", action="cut", generation=1, turn_id=1)
    dropped = until(lambda: [r for r in gateway.of_type("playout") if r["state"] == "dropped"])[0]
    assert dropped["played_ms"] < 3900 and dropped["buffered_ms"] == 0
    gateway.say(
        "heard",
        turn_id=1,
        heard_text="Once upon a time",
        unheard_text="there was a king who never listened.",
        interrupted=True,
    )
    page.wait("document.querySelector('.saying.it s')")
    struck = page.eval("[...document.querySelectorAll('.saying.it s')].map((e) => e.textContent).join('')")
    assert struck == "there was a king who never listened."
    page.wait("document.querySelector('#said').textContent.includes('not heard: there was a king')")


def test_stop_cuts_here_before_the_server_answers(open_page: Opener, gateway: FakeGateway) -> None:
    page = open_page()
    talk(page, gateway)
    turn(page, gateway, 1, "Go on.", "This will take a rather long while to say.", duration_ms=6000)
    page.key("Escape")
    until(lambda: gateway.of_type("stop"))
    assert until(lambda: [r for r in gateway.of_type("playout") if r["state"] == "dropped"])


def test_markup_in_a_transcript_is_shown_and_never_runs(open_page: Opener, gateway: FakeGateway) -> None:
    page = open_page()
    talk(page, gateway)
    evil = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"
    gateway.hear(evil, turn_id=1)
    gateway.say("assistant_text", turn_id=1, generation=1, request_id="r1", text=evil, final=True, reasoning=False)
    gateway.say("notice", level="info", code="x", text=evil)
    gateway.say("tool", turn_id=1, name=evil, call_id="c", state="running", arguments="{}")
    page.wait("document.querySelectorAll('.saying').length === 3 && !document.querySelector('#toast').hidden")
    assert page.text(".saying.you p") == evil
    assert page.text(".saying.it p") == evil
    assert page.eval("document.querySelectorAll('.sayings img, .sayings script, #toast img').length") == 0
    assert page.eval("document.title") == "Listening · Stream-Talk"


def test_policy_forbids_what_the_page_does_not_need(open_page: Opener) -> None:
    page = open_page()
    page.eval(
        "(() => { const s = document.createElement('script'); s.textContent = \"document.title = 'owned'\"; document.head.append(s); })()"
    )
    assert page.eval("document.title") == "Stream-Talk"
    until(lambda: any("Content Security Policy" in problem for problem in (page.eval("1"), page.problems())[1]))


def test_the_page_speaks_chinese_to_a_chinese_browser(open_page: Opener, gateway: FakeGateway) -> None:
    page = open_page(language="zh-CN")
    assert page.text("#state") == "随时可以开始"
    assert page.eval("document.documentElement.lang") == "zh-CN"
    page.wait("document.querySelector('#graph option')?.textContent === '内置'")
    talk(page, gateway)
    assert gateway.received[0]["lang"] == "zh-CN"
    turn(page, gateway, 1, "几点了？", "现在是下午四点半。", duration_ms=800)
    page.wait("!document.querySelector('.saying.it p > span:not(.lit)')")
    assert page.eval("document.querySelectorAll('.saying.it p > span').length") == 8


def test_everything_by_keyboard(open_page: Opener, gateway: FakeGateway) -> None:
    page = open_page()
    page.key("t")
    state_is(page, "listening")
    page.key("m")
    state_is(page, "muted")
    assert until(lambda: gateway.of_type("mute"))[0]["on"] is True
    page.key("m")
    page.key("/")
    page.type("by hand")
    page.key("Enter")
    assert until(lambda: gateway.of_type("text"))[0]["text"] == "by hand"
    assert page.eval("document.querySelector('#composer-text').value") == ""
    page.eval("document.querySelector('[data-panel=settings]').focus()")
    page.key("Enter")
    page.wait("document.activeElement.id === 'panel-title'")
    page.key("Escape")
    page.wait("document.querySelector('#panel').hidden && document.activeElement.dataset.panel === 'settings'")
    assert gateway.of_type("stop") == []


def test_space_holds_the_turn_in_push_to_talk(open_page: Opener, gateway: FakeGateway) -> None:
    page = open_page()
    page.click('[data-panel="settings"]')
    choose(page, "#settings [name=mode]", "push_to_talk")
    page.click("#panel-close")
    talk(page, gateway)
    assert gateway.received[0]["settings"] == {"mode": "push_to_talk"}
    page.eval("document.activeElement.blur()")
    page.key_down(" ")
    page.wait("document.querySelector('#hold').getAttribute('aria-pressed') === 'true'")
    page.key_up(" ")
    page.press_pointer("#hold")
    page.release_pointer("#hold")
    until(lambda: len(gateway.of_type("push_to_talk")) == 4)
    assert [m["down"] for m in gateway.of_type("push_to_talk")] == [True, False, True, False]


def test_settings_take_effect_while_talking(open_page: Opener, gateway: FakeGateway) -> None:
    page = open_page()
    talk(page, gateway)
    page.click('[data-panel="settings"]')
    page.wait("document.querySelectorAll('#settings [name=voice] option').length === 3")
    for name, value in {"patience": 0.8, "rate": 1.5, "voice": "ben"}.items():
        choose(page, f"#settings [name={name}]", value)
    page.click("#settings label:has([value=careful])")
    until(lambda: len(gateway.of_type("settings")) == 4)
    sent: dict[str, object] = {}
    for message in gateway.of_type("settings"):
        sent |= {name: value for name, value in message.items() if name != "type"}
    assert sent == {"patience": 0.8, "interruption": "careful", "rate": 1.5, "voice": "ben"}


def test_a_graph_is_chosen_and_drawn(open_page: Opener, gateway: FakeGateway) -> None:
    page = open_page()
    page.wait("document.querySelectorAll('#graph option').length === 3")
    assert page.eval("document.querySelector('#graph option[value=mlx]').disabled") is True
    talk(page, gateway)
    choose(page, "#graph", "kokoro")
    assert until(lambda: gateway.of_type("graph"))[0]["name"] == "kokoro"
    gateway.say("graph", name="kokoro", state="running")
    page.wait("document.querySelector('#toast').textContent.includes('kokoro')")
    page.click('[data-panel="graph"]')
    until(lambda: any(message["on"] for message in gateway.of_type("stats")))
    for second in (1.0, 2.0):
        gateway.say("stats", **graph_stats(second))
    page.wait("document.querySelector('.graph-view .node.hot text')?.textContent === 'stt'")
    assert page.eval("document.querySelectorAll('.graph-view .node').length") == 9
    assert page.eval("document.querySelectorAll('.graph-view path.live').length") == 9
    assert page.text("#graph-verdict") == "stt costs the most time: 280 ms of a turn, 59 % of the waiting."
    page.click("#panel-close")
    until(lambda: gateway.of_type("stats")[-1]["on"] is False)


def test_a_broken_line_resumes_and_loses_no_word(open_page: Opener, gateway: FakeGateway) -> None:
    page = open_page()
    talk(page, gateway)
    turn(page, gateway, 1, "Are you there?", "Yes.", duration_ms=300)
    gateway.drop()
    state_is(page, "reconnecting")
    gateway.hear("And now?", turn_id=2)
    until(lambda: gateway.of_type("resume"))
    page.wait("document.body.dataset.state !== 'reconnecting'")
    page.wait("document.querySelectorAll('.saying.you').length === 2")
    until(lambda: gateway.sound_seqs and gateway.sound_seqs == sorted(set(gateway.sound_seqs)))
    assert max(gateway.sound_seqs) - min(gateway.sound_seqs) + 1 == len(gateway.sound_seqs), (
        "a microphone frame was lost"
    )


def test_typing_alone_is_a_conversation(open_page: Opener, gateway: FakeGateway) -> None:
    page = open_page()
    page.click("#composer-text")
    page.type("hello by hand")
    page.key("Enter")
    assert until(lambda: gateway.of_type("text"))[0]["text"] == "hello by hand"
    state_is(page, "typing")
    assert gateway.sound == b""
    gateway.reply("Hello.", generation=1, turn_id=1, duration_ms=200)
    until(lambda: any(r["state"] == "finished" for r in gateway.of_type("playout")))


def test_memory_is_shown_corrected_and_deleted(open_page: Opener, gateway: FakeGateway) -> None:
    gateway.prepare_memory()
    page = open_page()
    page.wait("!document.querySelector('[data-panel=memory]').hidden")
    talk(page, gateway)
    gateway.say("memory", turn_id=1, items=[{"id": 2, "text": "Your sister Ana lives in Porto"}])
    turn(page, gateway, 1, "Where does Ana live?", "In Porto.", duration_ms=300)
    page.wait("document.querySelector('.saying.it .aside')")
    page.click(".saying.it .aside button")
    page.wait("document.querySelector('#memory-items li.used')")
    assert page.text("#memory-items li span") == "Your sister Ana lives in Porto"
    page.click("#memory-items li.used button")
    page.eval("document.querySelector('#memory-items textarea').value = 'Ana moved to Lisbon'")
    page.click("#memory-items textarea + button")
    page.wait("!document.querySelector('#memory-items textarea')")
    assert gateway.memories and gateway.memories[1]["text"] == "Ana moved to Lisbon"
    page.click("#memory-items li:last-child button:last-child")
    until(lambda: gateway.memories is not None and len(gateway.memories) == 2)
    page.wait("document.querySelector('#memory-items').contains(document.activeElement)")


def test_everything_remembered_can_be_exported_and_deleted(open_page: Opener, gateway: FakeGateway) -> None:
    gateway.prepare_memory()
    page = open_page(before=KEEP_BLOBS)
    page.wait("!document.querySelector('[data-panel=memory]').hidden")
    talk(page, gateway)
    gateway.say("memory", turn_id=1, items=[{"id": 77, "text": "Long ago you had a boat"}])
    page.click('[data-panel="memory"]')
    page.wait("document.querySelectorAll('#memory-items li').length === 4")
    assert page.text("#memory-items li.used span") == "Long ago you had a boat", "used, however old"
    page.click("#memory-export")
    page.wait("Boolean(window.saved)")
    assert "Your sister Ana lives in Porto" in page.eval("window.saved.text()")
    page.click("#memory-forget")
    assert gateway.memories, "once is not sure"
    page.click("#memory-forget")
    until(lambda: gateway.memories == [])
    page.wait("document.querySelectorAll('#memory-items li, #memory-conversations li').length === 0")


def test_without_memory_there_is_no_memory_button(open_page: Opener) -> None:
    page = open_page()
    page.wait("document.querySelectorAll('#graph option').length === 3")
    assert page.eval("document.querySelector('[data-panel=memory]').hidden") is True


def test_the_conversation_can_be_saved_and_forgotten(open_page: Opener, gateway: FakeGateway) -> None:
    page = open_page(before=KEEP_BLOBS)
    talk(page, gateway)
    turn(page, gateway, 1, "Save this.", "It is saved.", duration_ms=400)
    until(lambda: any(r["state"] == "finished" for r in gateway.of_type("playout")))
    page.click('[data-panel="settings"]')
    page.click("#export-text")
    assert page.eval("window.saved.text()") == "You: Save this.\nStream-Talk: It is saved."
    page.click("#export-audio")
    loudest = page.eval(LOUDEST_OF_BOTH_SIDES)
    assert loudest[0] > 500, "the microphone (Chromium's beeps) is on the left"
    assert loudest[1] > 2000, "the reply is on the right"
    page.click("#clear")
    page.wait("document.querySelectorAll('.saying').length === 0")
    assert until(lambda: gateway.of_type("clear"))


def test_reduced_motion_stands_still(open_page: Opener) -> None:
    page = open_page(media={"prefers-reduced-motion": "reduce"})
    look = "document.querySelector('#orb').toDataURL()"
    first = page.eval(look)
    assert page.eval(f"new Promise((done) => setTimeout(() => done({look}), 450))") == first


@pytest.mark.parametrize("size", [(1280, 800), (390, 844), (320, 568)])
def test_nothing_overflows_at_any_width(open_page: Opener, gateway: FakeGateway, size: tuple[int, int]) -> None:
    page = open_page(size=size, mobile=size[0] < 600)
    talk(page, gateway)
    turn(page, gateway, 1, "Donaudampfschifffahrtsgesellschaftskapitänsmützenabzeichen?", "Yes. " * 60, duration_ms=300)
    for panel in ("", "timing", "graph", "settings"):
        if panel:
            page.eval(f"document.querySelector('[data-panel={panel}]').click()")
        assert page.eval("document.documentElement.scrollWidth <= innerWidth"), panel
        assert page.eval(OUTSIDE) == [], panel
        assert page.eval("document.querySelector('#composer').getBoundingClientRect().bottom <= innerHeight"), panel


@pytest.mark.parametrize("scene", ["push-to-talk", "token", "no-microphone", "reconnecting"])
def test_nothing_overflows_on_a_small_phone_in_any_state(open_page: Opener, gateway: FakeGateway, scene: str) -> None:
    page = open_page(size=(320, 568), mobile=True)
    SCENES[scene](page, gateway)
    assert page.eval(OUTSIDE) == []
