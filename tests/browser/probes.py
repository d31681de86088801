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

POOR_CONTRAST = """(() => {
  const pen = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
  const rgb = (colour) => {
    pen.clearRect(0, 0, 1, 1);
    pen.fillStyle = colour;
    pen.fillRect(0, 0, 1, 1);
    return [...pen.getImageData(0, 0, 1, 1).data];
  };
  const linear = (v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  const light = ([r, g, b]) => 0.2126 * linear(r / 255) + 0.7152 * linear(g / 255) + 0.0722 * linear(b / 255);
  const under = (e) => {
    for (; e; e = e.parentElement) {
      const colour = rgb(getComputedStyle(e).backgroundColor);
      if (colour[3] === 255) return colour;
    }
  };
  const poor = [];
  for (const e of document.querySelectorAll('p, span, small, legend, h2, h3, dt, dd, output, button')) {
    if (!e.offsetParent || !e.textContent.trim() || e.children.length || e.closest(':disabled, .visually-hidden, .wordmark')) continue;
    const [a, b] = [light(rgb(getComputedStyle(e).color)), light(under(e))].sort((x, y) => y - x);
    const contrast = (a + 0.05) / (b + 0.05);
    if (contrast < 4.5) poor.push(`${e.textContent}: ${contrast.toFixed(2)}`);
  }
  return poor;
})()"""
