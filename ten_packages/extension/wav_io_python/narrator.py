"""A conversation as lines of text, for a terminal."""

from __future__ import annotations

from typing import Any


def narrate(body: dict[str, Any]) -> str:
    """The line for one message; empty for those that are not worth one."""
    kind = body.get("type")
    if kind == "user_text" and body.get("final"):
        return f"  you        {body.get('text', '')}"
    if kind == "heard" and (body.get("heard_text") or body.get("unheard_text")):
        cut = f"  [not heard: {body['unheard_text']}]" if body.get("unheard_text") else ""
        return f"  assistant  {body.get('heard_text', '')}{cut}"
    if kind == "turn":
        ttfa = (body.get("trace") or {}).get("ttfa_ms")
        return f"             first sound after {ttfa:.0f} ms" if isinstance(ttfa, (int, float)) else ""
    if kind == "tool":
        return f"  tool       {body.get('name')} {body.get('state')}"
    if kind == "notice":
        return f"  note       {body.get('text', '')}"
    if kind == "error":
        return f"  error      {body.get('module', '')}: {body.get('message', '')}"
    return ""
