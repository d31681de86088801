"""Looks at a page as an eye does: at pixels, not at declarations."""

from __future__ import annotations

import base64
import struct
import zlib
from typing import Any

import numpy as np
import numpy.typing as npt
from chromium import Page

Pixels = npt.NDArray[np.uint8]

# Text is drawn away while the picture is taken, so that what is seen is what lies behind it.
HIDE_TEXT = """(() => {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync('* { color: transparent !important; text-decoration-color: transparent !important; transition: none !important;' +
    ' animation: none !important; } svg text { fill: transparent !important; } svg.icon, canvas { visibility: hidden !important; }' +
    ' input::placeholder { color: transparent !important; }');
  document.adoptedStyleSheets = [sheet];
})()"""

TEXTS = """(() => {
  const pen = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
  const rgb = (colour) => {
    pen.clearRect(0, 0, 1, 1);
    pen.fillStyle = colour;
    pen.fillRect(0, 0, 1, 1);
    return [...pen.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const parent = node.parentElement;
    if (!node.data.trim() || !parent.checkVisibility({visibilityProperty: true})) continue;
    if (parent.closest(':disabled, .visually-hidden, option, noscript, .skip, script')) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    for (const box of range.getClientRects()) {
      const top = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
      if (!top || !(parent.contains(top) || top.contains(parent))) continue;
      found.push({text: node.data.trim().slice(0, 40), box: [box.x, box.y, box.right, box.bottom],
        colour: rgb(getComputedStyle(parent)[parent.closest('svg') ? 'fill' : 'color']),
        large: parseFloat(getComputedStyle(parent).fontSize) >= 24});
    }
  }
  return found;
})()"""


def poor_contrast(page: Page) -> list[str]:
    """Texts whose colour differs too little from the worst pixel behind them, by the WCAG's measure."""
    texts = page.eval(TEXTS)
    page.eval(HIDE_TEXT)
    picture = decode_png(base64.b64decode(page.command("Page.captureScreenshot", {"format": "png"})["data"]))
    page.eval("document.adoptedStyleSheets = []")
    scale = picture.shape[1] / page.eval("innerWidth")
    return [
        f"{t['text']}: {ratio:.2f}"
        for t in texts
        if (ratio := _contrast(t, picture, scale)) < (3 if t["large"] else 4.5)
    ]


def _contrast(text: dict[str, Any], picture: Pixels, scale: float) -> float:
    left, top, right, bottom = (int(edge * scale) for edge in text["box"])
    behind = picture[max(0, top) : bottom, max(0, left) : right].reshape(-1, 3)
    if len(behind) == 0:
        return 21.0
    own = float(luminance(np.array([text["colour"]]))[0])
    # The lightest and the darkest hundredth: one stray pixel of an edge is no background.
    darkest, lightest = np.percentile(luminance(behind), [1, 99])
    return min((max(own, other) + 0.05) / (min(own, other) + 0.05) for other in (darkest, lightest))


def luminance(rgb: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    part = rgb.astype(float) / 255
    linear = np.where(part <= 0.04045, part / 12.92, ((part + 0.055) / 1.055) ** 2.4)
    return np.asarray(linear @ np.array([0.2126, 0.7152, 0.0722]))


def decode_png(data: bytes) -> Pixels:
    """Just what Chromium writes: 8 bits, RGB or RGBA, not interlaced."""
    width, height, channels, packed = 0, 0, 3, b""
    at = 8
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at : at + 8])
        body = data[at + 8 : at + 8 + length]
        if kind == b"IHDR":
            width, height, _depth, colour = struct.unpack(">IIBB", body[:10])
            channels = {2: 3, 6: 4}[colour]
        elif kind == b"IDAT":
            packed += body
        at += length + 12
    rows = np.frombuffer(zlib.decompress(packed), np.uint8).reshape(height, 1 + width * channels)
    return _unfilter(rows, channels).reshape(height, width, channels)[:, :, :3]


def _unfilter(rows: Pixels, channels: int) -> Pixels:
    out = np.zeros((len(rows), rows.shape[1] - 1), np.uint8)
    above = np.zeros(rows.shape[1] - 1, np.uint8)
    for y, row in enumerate(rows):
        out[y] = above = _unfilter_row(int(row[0]), row[1:], above, channels)
    return out


def _unfilter_row(kind: int, row: Pixels, above: Pixels, channels: int) -> Pixels:
    if kind == 0:
        return row
    if kind == 2:
        return row + above
    if kind == 1:  # each channel is a running sum
        return np.cumsum(row.reshape(-1, channels), axis=0, dtype=np.uint8).reshape(-1)
    line = row.astype(int).tolist()
    up = above.astype(int).tolist()
    for i in range(len(line)):
        left = line[i - channels] if i >= channels else 0
        corner = up[i - channels] if i >= channels else 0
        guess = (left + up[i]) // 2 if kind == 3 else _paeth(left, up[i], corner)
        line[i] = (line[i] + guess) & 255
    return np.array(line, np.uint8)


def _paeth(left: int, up: int, corner: int) -> int:
    guess = left + up - corner
    distances = (abs(guess - left), abs(guess - up), abs(guess - corner))
    return (left, up, corner)[distances.index(min(distances))]
