"""For everyone: the rules of axe-core, contrast as it is really painted, fingertips, focus, and words that run the other way."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from chromium import Page, until
from fake_gateway import FakeGateway
from pictures import poor_contrast
from probes import NAMELESS_CONTROLS, state_is
from scenes import SCENES, talk, turn

pytestmark = pytest.mark.browser
Opener = Callable[..., Page]
AXE = Path(__file__).resolve().parents[1] / "js" / "node_modules" / "axe-core" / "axe.min.js"
CALM = {"prefers-reduced-motion": "reduce"}
SHOWN = [
    "idle",
    "hearing",
    "interrupted",
    "timing",
    "graph",
    "memory",
    "settings",
    "refused",
    "listening",
    "thinking",
    "speaking",
    "paused",
]


def violations(page: Page) -> list[str]:
    """What axe-core complains of; nothing where it is not installed (scripts/test brings it, given npm)."""
    if not AXE.is_file():
        return []
    page.eval(AXE.read_text("utf-8") + "; true")
    found = page.eval("axe.run(document, {resultTypes: ['violations']}).then((r) => r.violations)")
    return [f"{v['id']}: {[node['html'][:120] for node in v['nodes']]}" for v in found]


@pytest.mark.parametrize("scene", SHOWN)
def test_axe_finds_nothing_and_every_text_can_be_read_on_what_is_painted_behind_it(
    open_page: Opener, gateway: FakeGateway, scene: str
) -> None:
    gateway.prepare_memory()
    page = open_page(media={**CALM, "prefers-color-scheme": "light"}, size=(1000, 700))
    SCENES[scene](page, gateway)
    assert violations(page) == []
    assert poor_contrast(page) == []
    page.emulate({**CALM, "prefers-color-scheme": "dark"})
    assert poor_contrast(page) == []


SMALL_TARGETS = """[...document.querySelectorAll('button, select, label:has([type=checkbox], [type=radio])'),
  ...document.querySelectorAll('input:not([type=checkbox], [type=radio])')]
  .filter((e) => e.checkVisibility({visibilityProperty: true}))
  .map((e) => [e.id || e.name || e.textContent.trim() || e.outerHTML, e.getBoundingClientRect()])
  .filter(([, box]) => Math.min(box.width, box.height) < 43.5).map(([name, box]) => `${name}: ${box.width} x ${box.height}`)"""


@pytest.mark.parametrize("scene", ["speaking", "memory", "settings", "graph", "refused"])
def test_nothing_that_is_pressed_is_smaller_than_a_fingertip(
    open_page: Opener, gateway: FakeGateway, scene: str
) -> None:
    gateway.prepare_memory()
    page = open_page(size=(390, 844), mobile=True, media=CALM)
    SCENES[scene](page, gateway)
    assert page.eval(SMALL_TARGETS) == []
    assert page.eval(NAMELESS_CONTROLS) == []


FOCUS = """(() => {
  const e = document.activeElement;
  const style = getComputedStyle(e);
  const ring = (parseFloat(style.outlineWidth) > 0 && style.outlineStyle !== 'none') || e.closest('.composer, .segments label') !== null;
  return [e.id || e.dataset.panel || e.className || e.tagName, ring];
})()"""


def test_tab_walks_through_the_page_in_reading_order_and_is_always_seen(open_page: Opener) -> None:
    page = open_page()
    page.wait("document.querySelectorAll('#graph option').length === 3")
    walked = []
    for _ in range(8):
        page.key("Tab")
        name, is_seen = page.eval(FOCUS)
        assert is_seen, f"no ring around {name}"
        walked.append(name)
    assert walked == ["skip", "graph", "timing", "graph", "settings", "talk", "composer-text", "send"]


def test_a_sheet_on_a_phone_keeps_what_it_covers_out_of_reach(open_page: Opener, gateway: FakeGateway) -> None:
    page = open_page(size=(390, 844), mobile=True)
    talk(page, gateway)
    page.click('[data-panel="settings"]')
    page.wait("document.activeElement.id === 'panel-title'")
    page.eval("document.querySelector('#composer-text').focus()")
    assert page.eval("document.activeElement.id") != "composer-text"
    # A failure is above a sheet.
    gateway.close(4409, {"type": "bye", "reason": "idle", "text": "", "can_resume": False})
    page.wait("!document.querySelector('#failure').hidden")
    assert page.eval("document.querySelector('#panel').hidden") is True
    page.click("#composer-text")
    page.wait("document.activeElement.id === 'composer-text'")


def test_single_keys_can_be_switched_off(open_page: Opener, gateway: FakeGateway) -> None:
    page = open_page()
    page.click('[data-panel="settings"]')
    page.click("#settings [name=shortcuts]")
    page.click("#panel-close")
    page.key("t")
    page.key("/")
    assert page.eval("document.activeElement.id") != "composer-text"
    assert gateway.connections == 0


def test_a_tick_box_is_ticked_by_space_even_where_space_means_speak(open_page: Opener, gateway: FakeGateway) -> None:
    page = open_page(before="localStorage.setItem('stream-talk.settings', '{\"mode\": \"push_to_talk\"}')")
    talk(page, gateway)
    page.click('[data-panel="settings"]')
    page.eval("document.querySelector('#settings [name=incognito]').focus()")
    page.key(" ")
    assert page.eval("document.querySelector('#settings [name=incognito]').checked") is True
    assert gateway.of_type("push_to_talk") == []


def test_the_language_changes_while_talking(open_page: Opener, gateway: FakeGateway) -> None:
    page = open_page()
    talk(page, gateway)
    turn(page, gateway, 1, "Hello.", "Good evening.", duration_ms=300)
    page.click('[data-panel="settings"]')
    page.eval(
        "(() => { const s = document.querySelector('#settings [name=language]'); s.value = 'zh';"
        " s.dispatchEvent(new Event('input', {bubbles: true})); })()"
    )
    page.wait("document.querySelector('#panel-title').textContent === '设置'")
    assert page.text("#talk-label") == "结束"
    page.wait("document.querySelector('#graph option')?.textContent === '内置'")
    assert page.eval("document.documentElement.lang") == "zh-CN"
    assert page.text(".saying.you p") == "Hello."
    assert until(lambda: gateway.of_type("settings"))[0]["lang"] == "zh-CN"
    assert gateway.connections == 1


def test_words_that_run_from_right_to_left_do(open_page: Opener, gateway: FakeGateway) -> None:
    page = open_page()
    talk(page, gateway)
    turn(page, gateway, 1, "כמה רחוק הירח?", "بعيد جدا.", duration_ms=300)
    directions = page.eval("[...document.querySelectorAll('.saying p')].map((e) => getComputedStyle(e).direction)")
    assert directions == ["rtl", "rtl"]


def test_who_reads_back_is_left_alone_until_they_want_the_newest(open_page: Opener, gateway: FakeGateway) -> None:
    page = open_page(size=(1000, 700))
    talk(page, gateway)
    for number in range(1, 15):
        gateway.hear(f"Line {number} of a long conversation.", turn_id=number)
    page.wait("document.querySelectorAll('.saying').length === 14")
    scroll = "document.querySelector('#captions-scroll')"
    end = f"{scroll}.scrollHeight - {scroll}.scrollTop - {scroll}.clientHeight < 2"
    page.wait(end)
    assert page.eval("document.querySelector('#newest').hidden") is True
    page.eval(f"{scroll}.scrollTop = 0")
    page.wait("!document.querySelector('#newest').hidden")
    gateway.hear("One more.", turn_id=15)
    page.wait("document.querySelectorAll('.saying').length === 15")
    assert page.eval(f"{scroll}.scrollTop") == 0
    page.click("#newest")
    page.wait(f"{end} && document.querySelector('#newest').hidden")


def test_typing_becomes_speaking_in_the_same_conversation(open_page: Opener, gateway: FakeGateway) -> None:
    page = open_page()
    page.click("#composer-text")
    page.type("by hand first")
    page.key("Enter")
    state_is(page, "typing")
    assert page.eval("document.querySelector('#mute').getAttribute('aria-label')") == "Use the microphone"
    page.click("#mute")
    state_is(page, "listening")
    until(lambda: len(gateway.sound) > 16000)
    assert json.dumps(gateway.of_type("bye")) == "[]" and gateway.connections == 1
