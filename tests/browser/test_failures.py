"""Each failure has its own plain sentence and a way out."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from chromium import Browser, Page, until
from fake_gateway import FakeGateway
from probes import failure, state_is
from scenes import talk

pytestmark = pytest.mark.browser
Opener = Callable[..., Page]


REFUSING = "navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('', '%s'); };"


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        ("NotAllowedError", "Allow it in the address bar"),
        ("NotFoundError", "No microphone was found"),
        ("NotReadableError", "another program"),
    ],
)
def test_without_a_microphone_the_page_says_why_and_one_can_type(
    open_page: Opener, gateway: FakeGateway, error: str, sentence: str
) -> None:
    page = open_page(before=REFUSING % error)
    page.click("#talk")
    assert sentence in failure(page)
    page.click('[data-way="type"]')
    page.wait("document.activeElement.id === 'composer-text'")
    page.type("then by hand")
    page.key("Enter")
    assert until(lambda: gateway.of_type("text"))


def test_permission_denied_by_the_browser_itself(gateway: FakeGateway) -> None:
    refusing = Browser("--use-fake-ui-for-media-stream=deny")
    try:
        page = refusing.open(gateway.url)
        page.click("#talk")
        assert "Allow it in the address bar" in failure(page)
    finally:
        refusing.close()


def test_insecure_pages_are_told_about_https(open_page: Opener, gateway: FakeGateway) -> None:
    page = open_page(gateway.url.replace("127.0.0.1", "insecure.test"))
    page.click("#talk")
    assert "https://" in failure(page)
    page.click('[data-way="type"]')
    page.type("then in writing")
    page.key("Enter")
    until(lambda: gateway.of_type("text"))
    gateway.reply("In writing, then.", generation=1, turn_id=1, duration_ms=500)
    read = until(lambda: [r for r in gateway.of_type("playout") if r["state"] == "finished"])[0]
    assert read["played_ms"] == 500, "what cannot be heard was read"


def test_server_gone_and_back(open_page: Opener, gateway: FakeGateway) -> None:
    page = open_page()
    talk(page, gateway)
    gateway.stop()
    assert failure(page) == "The server cannot be reached. Is Stream-Talk still running?"
    state_is(page, "reconnecting")


def test_at_capacity_waits_and_comes_in(open_page: Opener, gateway: FakeGateway) -> None:
    gateway.refusal = (4503, {"code": "at_capacity", "text": "full", "retry_after_ms": 60_000})
    page = open_page()
    page.click("#talk")
    assert failure(page) == "All places are taken at the moment. I will try again by myself."
    assert page.text("#hint") == "Trying again in 60 s."
    gateway.refusal = None
    page.eval("document.querySelector('[data-way=retry]').focus()")
    page.key("Enter")
    state_is(page, "listening")
    page.wait("document.querySelector('#failure').hidden")
    assert page.eval("document.activeElement.id") == "talk", "who came by keyboard is not thrown to the top of the page"


@pytest.mark.parametrize(
    ("code", "sentence", "way", "state"),
    [
        (1001, "The server is shutting down for a moment.", "retry", None),
        (4400, "The server did not understand this page. Reload it.", "reload", "idle"),
        (4403, "This server does not accept conversations from this address.", "reload", "idle"),
        (4409, "Nothing was said for a long time, so the conversation was closed.", "talk", "idle"),
        (4412, "The conversation went on in another window.", "talk", "idle"),
        (4422, "This page and the server do not fit together. Reload the page.", "reload", "idle"),
        (4429, "Too much arrived at once, and the server closed the line.", "talk", "idle"),
    ],
)
def test_each_end_has_its_own_sentence_and_a_way_out(
    open_page: Opener, gateway: FakeGateway, code: int, sentence: str, way: str, state: str | None
) -> None:
    page = open_page()
    talk(page, gateway)
    gateway.unreachable = True
    gateway.close(code)
    assert failure(page) == sentence
    if state is not None:
        state_is(page, state)
    gateway.unreachable = False
    page.click(f'[data-way="{way}"]')
    if way == "reload":
        page.wait("document.readyState === 'complete' && document.querySelector('#failure').hidden")
    else:
        state_is(page, "listening")
        page.wait("document.querySelector('#failure').hidden")


def test_a_line_that_is_too_slow_is_told_and_taken_up_again(open_page: Opener, gateway: FakeGateway) -> None:
    page = open_page()
    talk(page, gateway)
    gateway.close(4411)
    assert failure(page) == "The line is too slow for live sound. Reconnecting."
    until(lambda: gateway.of_type("resume"))
    page.wait("document.querySelector('#failure').hidden")


def test_a_token_is_asked_for_and_used(open_page: Opener, gateway: FakeGateway) -> None:
    gateway.token = "open-sesame"
    page = open_page()
    page.click("#talk")
    assert failure(page) == "This server asks for an access token."
    page.click("#token")
    page.type("open-sesame")
    page.key("Enter")
    state_is(page, "listening")


def test_a_token_in_the_link_is_used_and_taken_out_of_it(open_page: Opener, gateway: FakeGateway) -> None:
    gateway.token = "open-sesame"
    page = open_page(f"{gateway.url}#token=open-sesame")
    assert page.eval("location.href") == gateway.url
    talk(page, gateway)


def test_a_pipeline_that_cannot_run_says_what_to_do(open_page: Opener, gateway: FakeGateway) -> None:
    gateway.refusal = (4500, {"code": "graph_failed", "text": "Install piper: pip install piper-tts"})
    page = open_page()
    page.click("#talk")
    assert failure(page) == "This pipeline could not run. Install piper: pip install piper-tts"
    state_is(page, "idle")
