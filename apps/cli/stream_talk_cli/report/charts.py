"""Charts as SVG text. Pure functions of numbers; every text is escaped, every colour is a class that the page's style defines."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 760, 260
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 12, 34, 34
_WIDEST_BAR = 46.0


@dataclass(slots=True, frozen=True)
class Series:
    name: str
    style: str
    values: Sequence[float | None]


def ticks(top: float) -> list[float]:
    """Three to six round numbers from 0 to the first that is not below `top`."""
    rough = max(top, 1e-9) / 4
    magnitude = 10 ** math.floor(math.log10(rough))
    step = next(m * magnitude for m in (1, 2, 2.5, 5, 10) if m * magnitude >= rough)
    return [step * n for n in range(math.ceil(max(top, 1e-9) / step - 1e-9) + 1)]


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 or value == int(value) else f"{value:g}"


class _Plot:
    """An area with a grid; x is 0 to 1, y is in units."""

    def __init__(self, top: float, unit: str) -> None:
        self._ticks = ticks(top)
        self._unit = unit
        self.parts: list[str] = []

    def x(self, share: float) -> float:
        return _LEFT + share * (WIDTH - _LEFT - _RIGHT)

    def y(self, value: float) -> float:
        return HEIGHT - _BOTTOM - value / self._ticks[-1] * (HEIGHT - _TOP - _BOTTOM)

    def text(self, x: float, y: float, words: str, *, anchor: str = "start", style: str = "") -> None:
        marked = f' class="{style}"' if style else ""
        self.parts.append(f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{marked}>{escape(words)}</text>')

    def grid(self, labels: Sequence[str]) -> None:
        for tick in self._ticks:
            y = self.y(tick)
            self.parts.append(f'<path class="grid" d="M{_LEFT} {y:.1f}H{WIDTH - _RIGHT}"/>')
            self.text(_LEFT - 8, y + 4, _number(tick), anchor="end")
        self.text(4, 14, self._unit)
        for number, label in enumerate(labels):
            share = number / max(1, len(labels) - 1)
            self.text(self.x(share), HEIGHT - 10, label, anchor=("start", "middle", "end")[round(share * 2)])

    def legend(self, series: Sequence[tuple[str, str]]) -> None:
        for number, (name, style) in enumerate(series):
            x = _LEFT + 14 + 150 * number
            self.parts.append(f'<circle class="{style} solid" r="4" cx="{x}" cy="10"/>')
            self.text(x + 10, 14, name)

    def figure(self, title: str, note: str) -> str:
        return (
            f"<figure><figcaption>{escape(title)}<small>{escape(note)}</small></figcaption>"
            f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">{"".join(self.parts)}</svg></figure>'
        )


def line_chart(
    title: str,
    note: str,
    lines: Sequence[Series],
    *,
    unit: str,
    labels: Sequence[str],
    dots: Sequence[float | None] = (),
    mark: tuple[float, str] | None = None,
) -> str:
    """Lines over groups of equal size, over the single values as dots; `mark` is a level worth knowing."""
    known = [value for line in lines for value in line.values if value is not None]
    known += [dot for dot in dots if dot is not None]
    plot = _Plot(max([*known, mark[0] if mark else 0.0], default=1.0), unit)
    plot.grid(labels)
    if mark is not None:
        y = plot.y(mark[0])
        plot.parts.append(f'<path class="mark" d="M{_LEFT} {y:.1f}H{WIDTH - _RIGHT}"/>')
        plot.text(WIDTH - _RIGHT, 14, mark[1], anchor="end")
    for number, value in enumerate(dots):
        if value is not None:
            share = (number + 0.5) / len(dots)
            plot.parts.append(
                f'<circle class="dot" r="2.5" cx="{plot.x(share):.1f}" cy="{plot.y(value):.1f}">'
                f"<title>{value:.0f} {escape(unit)}</title></circle>"
            )
    for line in lines:
        size = len(line.values)
        points = [(plot.x((i + 0.5) / size), plot.y(v), v) for i, v in enumerate(line.values) if v is not None]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y, _ in points)
        plot.parts.append(f'<polyline class="line {line.style}" points="{path}"/>')
        plot.parts += [
            f'<circle class="{line.style} solid" r="3.5" cx="{x:.1f}" cy="{y:.1f}">'
            f"<title>{escape(line.name)}: {v:.0f} {escape(unit)}</title></circle>"
            for x, y, v in points
        ]
    plot.legend([(line.name, line.style) for line in lines])
    return plot.figure(title, note)


def column_chart(title: str, note: str, series: Series, *, unit: str, labels: Sequence[str]) -> str:
    plot = _Plot(max([value or 0.0 for value in series.values] + [1.0]), unit)
    plot.grid(labels)
    slot = (plot.x(1) - plot.x(0)) / len(series.values)
    width = min(_WIDEST_BAR, slot * 0.7)
    for number, value in enumerate(series.values):
        x, y = plot.x((number + 0.5) / len(series.values)) - width / 2, plot.y(value or 0.0)
        plot.parts.append(
            f'<rect class="{series.style} solid" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" rx="2"'
            f' height="{max(0.0, plot.y(0) - y):.1f}"><title>{value or 0.0:.0f} {escape(unit)}</title></rect>'
        )
    return plot.figure(title, note)


def share_chart(title: str, note: str, parts: Sequence[tuple[str, float]], *, unit: str) -> str:
    """One bar cut into its parts, and a row for each."""
    whole = sum(value for _, value in parts) or 1.0
    bar, rows, x = [], [], 0.0
    for number, (name, value) in enumerate(parts):
        width = value / whole * WIDTH
        style = f"part{number % 6}"
        bar.append(
            f'<rect class="{style} solid" x="{x:.1f}" y="0" width="{max(0.0, width - 1.5):.1f}" height="28" rx="3">'
            f"<title>{escape(name)}: {value:.0f} {escape(unit)}</title></rect>"
        )
        rows.append(
            f'<tr><th><i class="{style}"></i>{escape(name)}</th><td>{value:.0f} {escape(unit)}</td>'
            f"<td>{100 * value / whole:.0f} %</td></tr>"
        )
        x += width
    return (
        f"<figure><figcaption>{escape(title)}<small>{escape(note)}</small></figcaption>"
        f'<svg viewBox="0 0 {WIDTH} 28" role="img" aria-label="{escape(title)}">{"".join(bar)}</svg>'
        f"<table>{''.join(rows)}</table></figure>"
    )
