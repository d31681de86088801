"""What tests look at, and do, inside the page."""

from __future__ import annotations

import json
from typing import Any

from chromium import Page


def state_is(page: Page, state: str) -> None:
    page.wait(f"document.body.dataset.state === {json.dumps(state)}")


def failure(page: Page) -> str:
    page.wait("!document.querySelector('#failure').hidden")
    return page.text("#failure-text")


def real_problems(page: Page) -> list[str]:
    """A server without memory answers 404, and the browser notes it down."""
    return [problem for problem in page.problems() if "/v1/memory/" not in problem]


def choose(page: Page, selector: str, value: Any) -> None:
    """As if the person had moved a slider or picked from a list."""
    page.eval(
        f"(() => {{ const control = document.querySelector({json.dumps(selector)}); control.value = {json.dumps(value)};"
        " for (const kind of ['input', 'change']) control.dispatchEvent(new Event(kind, {bubbles: true})); })()"
    )


KEEP_BLOBS = """
const make = URL.createObjectURL;
URL.createObjectURL = (blob) => { window.saved = blob; return make.call(URL, blob); };
"""

LOUDEST_OF_BOTH_SIDES = """window.saved.arrayBuffer().then((file) => {
  const samples = new Int16Array(file, 44);
  const loudest = [0, 0];
  for (let i = 0; i < samples.length; i += 1) loudest[i % 2] = Math.max(loudest[i % 2], Math.abs(samples[i]));
  return loudest;
})"""

NAMELESS_CONTROLS = """[...document.querySelectorAll('button, input, select')].filter((e) => {
  const labels = [...(e.labels ?? [])].map((label) => label.textContent.trim()).join('');
  return e.offsetParent && !labels && !e.getAttribute('aria-label') && !e.textContent.trim();
}).map((e) => e.outerHTML)"""

OUTSIDE = """[...document.querySelectorAll('button, input, select, p, h2, dd, svg.icon')].filter((e) => {
  const { left, right, width } = e.getBoundingClientRect();
  return width && e.checkVisibility() && !e.closest('.visually-hidden, .skip') && (left < -1 || right > innerWidth + 1);
}).map((e) => e.id || e.textContent.trim().slice(0, 40) || e.outerHTML.slice(0, 80))"""
