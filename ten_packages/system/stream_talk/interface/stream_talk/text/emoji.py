"""Signs that are drawn, not spoken."""

from __future__ import annotations

_RANGES = (
    (0x2190, 0x21FF),  # arrows
    (0x2300, 0x23FF),  # technical, among them the clocks and the play button
    (0x2460, 0x24FF),  # circled numbers and letters
    (0x2500, 0x27BF),  # boxes, shapes, dingbats
    (0x2900, 0x297F),
    (0x2B00, 0x2BFF),
    (0xE000, 0xF8FF),  # private use: icon fonts
    (0xFE00, 0xFE0F),  # variation selectors
    (0x1F000, 0x1FAFF),  # emoji proper, flags, skin tones
    (0xE0000, 0xE007F),  # tags inside flag sequences
)
_SINGLE = frozenset((0x200D, 0x20E3, 0x200B, 0x2060, 0xFEFF, 0x303D, 0x3297, 0x3299, 0x00A9, 0x00AE, 0x2122))


def is_drawn(char: str) -> bool:
    """Emoji, their joiners and modifiers, arrows, boxes, invisible marks."""
    code = ord(char)
    if code < 0xA9:
        return False
    return code in _SINGLE or any(first <= code <= last for first, last in _RANGES)
