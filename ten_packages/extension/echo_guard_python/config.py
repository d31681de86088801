"""Properties of the echo guard."""

from __future__ import annotations

from pydantic import Field
from stream_talk.ten.config import StageConfig


class EchoGuardConfig(StageConfig):
    echo_cancellation: bool = True
    noise_suppression: bool = True
    high_pass_filter: bool = True
    gain_control: bool = False
    stand_aside: bool = True
    """Leave the microphone alone while it does not hear our voice (a headset, a browser that cancels the echo)."""
    reference_node: str = "tts"
    """Frames from this node are our own voice; frames from anywhere else are the microphone."""
    playout_delay_ms: int = Field(20, ge=0, le=500)
    """A hint: from the report that something plays to its echo in the microphone."""
