"""Charts as SVG text. Pure functions of numbers; every text is escaped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT, MARGIN = 760, 240, 44


@dataclass(slots=True, frozen=True)
class Line:
    name: str
    colour: str
    values: Sequence[float | None]


def _frame(title: str, body: str, *, top_label: str, left: str, right: str) -> str:
    bottom = HEIGHT - MARGIN
    return (
        f'<figure><figcaption>{escape(title)}</figcaption><svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img"'
        f' aria-label="{escape(title)}">'
        f'<path class="axis" d="M{MARGIN} {MARGIN / 2}V{bottom}H{WIDTH - 8}"/>'
        f'<text x="4" y="{MARGIN / 2 + 4}">{escape(top_label)}</text><text x="4" y="{bottom}">0</text>'
        f'<text x="{MARGIN}" y="{bottom + 18}">{escape(left)}</text>'
        f'<text x="{WIDTH - 8}" y="{bottom + 18}" text-anchor="end">{escape(right)}</text>{body}</svg></figure>'
    )


def _y(value: float, top: float) -> float:
    return HEIGHT - MARGIN - value / top * (HEIGHT - 1.5 * MARGIN)


def line_chart(title: str, lines: Sequence[Line], *, unit: str, left: str, right: str) -> str:
    known = [value for line in lines for value in line.values if value is not None]
    top = max(known, default=1.0) or 1.0
    parts = []
    for number, line in enumerate(lines):
        step = (WIDTH - MARGIN - 16) / max(1, len(line.values) - 1)
        points = [(MARGIN + i * step, _y(v, top)) for i, v in enumerate(line.values) if v is not None]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        parts.append(f'<polyline class="line" stroke="{line.colour}" points="{path}"/>')
        parts += [f'<circle r="2.5" fill="{line.colour}" cx="{x:.1f}" cy="{y:.1f}"/>' for x, y in points]
        parts.append(f'<text x="{MARGIN + 12 + 150 * number}" y="14" fill="{line.colour}">{escape(line.name)}</text>')
    return _frame(title, "".join(parts), top_label=f"{top:.0f} {unit}", left=left, right=right)


def bar_chart(title: str, bars: Sequence[tuple[str, float]], *, unit: str) -> str:
    """Horizontal bars, longest first."""
    top = max((value for _, value in bars), default=1.0) or 1.0
    rows = []
    for number, (name, value) in enumerate(sorted(bars, key=lambda bar: -bar[1])):
        y = 8 + number * 26
        rows.append(
            f'<text x="0" y="{y + 14}">{escape(name)}</text>'
            f'<rect x="170" y="{y}" height="18" width="{value / top * 440:.1f}" rx="3"/>'
            f'<text x="{178 + value / top * 440:.1f}" y="{y + 14}">{value:.0f} {escape(unit)}</text>'
        )
    height = 16 + 26 * max(1, len(bars))
    return (
        f'<figure><figcaption>{escape(title)}</figcaption><svg viewBox="0 0 {WIDTH} {height}" role="img"'
        f' aria-label="{escape(title)}">{"".join(rows)}</svg></figure>'
    )
