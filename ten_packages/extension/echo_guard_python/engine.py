"""WebRTC audio processing through `livekit`: echo cancellation, noise suppression, high-pass filter and gain control."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from stream_talk.engines.interfaces import EngineUnavailable, Pcm16

from .presence import EchoPresence

SAMPLE_RATE_HZ = 16000
FRAME_SAMPLES = SAMPLE_RATE_HZ // 100  # the module takes exactly 10 ms
_ECHO_LASTS_FRAMES = 30
_HEARD = 100
_ONLY_ECHO = 10 ** (-12 / 10)
_ONLY_ECHO_AT_ONSET = 10 ** (-3 / 10)
_ONSET_FRAMES = 40  # the canceller needs a moment whenever the loudspeaker begins anew
_EMPTY: Pcm16 = np.zeros(0, np.int16)


@dataclass(frozen=True)
class Processing:
    echo_cancellation: bool = True
    noise_suppression: bool = True
    high_pass_filter: bool = True
    gain_control: bool = False
    playout_delay_ms: int = 20
    stand_aside: bool = True


class EchoGuardEngine:
    """One per session. Frames of any length in, multiples of 10 ms out: what does not fill 10 ms waits for the next call."""

    def __init__(self, processing: Processing) -> None:
        self._processing = processing
        self._rtc: Any = None
        self._apm: Any = None
        self._plain: Any = None  # everything but the canceller, for when there is no echo
        self._presence = EchoPresence()
        self._waiting = _EMPTY
        self._since_voice = _ECHO_LASTS_FRAMES  # frames since the loudspeaker last played something
        self._since_onset = _ONSET_FRAMES

    @property
    def waiting_samples(self) -> int:
        return len(self._waiting)

    def load(self) -> None:
        if self._apm is not None:
            return
        try:
            from livekit import rtc
        except (ImportError, OSError) as error:
            raise EngineUnavailable(
                f"the echo canceller does not load ({error})",
                "pip install livekit, or use graphs/embedded-no-echo-guard.json with a headset",
            ) from error
        chosen = self._processing
        self._rtc = rtc
        self._apm = self._module(echo_cancellation=chosen.echo_cancellation)
        if chosen.echo_cancellation and chosen.stand_aside:
            self._plain = self._module(echo_cancellation=False)

    def _module(self, *, echo_cancellation: bool) -> Any:
        return self._rtc.AudioProcessingModule(
            echo_cancellation=echo_cancellation,
            noise_suppression=self._processing.noise_suppression,
            high_pass_filter=self._processing.high_pass_filter,
            auto_gain_control=self._processing.gain_control,
        )

    def close(self) -> None:
        self._apm = self._plain = None
        self._waiting = _EMPTY

    @property
    def stands_aside(self) -> bool:
        """There is no echo to guard against, and the microphone passes as it is, noise suppressed."""
        return self._plain is not None and self._presence.is_absent

    def frames_in(self, microphone: Pcm16) -> int:
        """How many 10 ms frames the next `process` will take the reference for."""
        return (len(self._waiting) + len(microphone)) // FRAME_SAMPLES

    def process(self, microphone: Pcm16, reference: Pcm16, *, jumped: bool = False) -> Pcm16:
        """`reference`: what the loudspeaker plays meanwhile, `frames_in(microphone)` frames of it; `jumped` when that does not
        continue what it played before."""
        if jumped:
            self._since_onset = 0
        samples = np.concatenate([self._waiting, microphone]) if len(self._waiting) else microphone
        whole = len(samples) // FRAME_SAMPLES * FRAME_SAMPLES
        self._waiting = samples[whole:].copy()
        cleaned = np.empty(whole, np.int16)
        for start in range(0, whole, FRAME_SAMPLES):
            end = start + FRAME_SAMPLES
            cleaned[start:end] = self._frame(samples[start:end], reference[start:end])
        return cleaned

    def _frame(self, microphone: Pcm16, reference: Pcm16) -> Pcm16:
        if self._plain is not None:
            plain = self._audio_frame(microphone)
            self._plain.process_stream(plain)  # also while it is not used: it has to know the noise of the room
            if self._presence.step(microphone, reference):
                return np.frombuffer(plain.data, np.int16)
        if self._processing.echo_cancellation:
            self._apm.process_reverse_stream(self._audio_frame(reference))
            self._apm.set_stream_delay_ms(self._processing.playout_delay_ms)
        frame = self._audio_frame(microphone)
        self._apm.process_stream(frame)
        cleaned = np.frombuffer(frame.data, np.int16)
        return np.zeros_like(cleaned) if self._is_only_echo(microphone, reference, cleaned) else cleaned

    def _is_only_echo(self, microphone: Pcm16, reference: Pcm16, cleaned: Pcm16) -> bool:
        """While we speak, a frame of which 12 dB were taken away held nothing but us. What is left of it is faint, but ten-vad
        hears speech at any level and would take it for a person."""
        sounds = int(np.abs(reference).max(initial=0)) > _HEARD
        if sounds and self._since_voice > _ECHO_LASTS_FRAMES // 2:
            self._since_onset = 0
        self._since_onset += 1
        self._since_voice = 0 if sounds else self._since_voice + 1
        if self._since_voice > _ECHO_LASTS_FRAMES or not self._processing.echo_cancellation:
            return False
        before, after = microphone.astype(np.float32), cleaned.astype(np.float32)
        limit = _ONLY_ECHO_AT_ONSET if self._since_onset <= _ONSET_FRAMES else _ONLY_ECHO
        return float(after @ after) < limit * float(before @ before)

    def _audio_frame(self, pcm: Pcm16) -> Any:
        return self._rtc.AudioFrame(bytearray(pcm.tobytes()), SAMPLE_RATE_HZ, 1, FRAME_SAMPLES)
