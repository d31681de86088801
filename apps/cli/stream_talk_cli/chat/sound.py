"""The machine's own microphone and loudspeaker, and the loudspeaker's buffer between them and the line."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from stream_talk import clock
from stream_talk.audio.playout import ChunkTag, PlayoutBuffer
from stream_talk.wire.frames import FLAG_LAST, AudioFrame

from stream_talk_cli.chat.protocol import INPUT_RATE_HZ, OUTPUT_RATE_HZ
from stream_talk_cli.errors import CommandError

FRAME_MS = 20
Pcm16 = npt.NDArray[np.int16]
TakePcm = Callable[[bytes], None]
GivePcm = Callable[[int], Pcm16]


class Sound(Protocol):
    """Where sound comes from and goes to. Both callbacks run on threads of the sound system."""

    output_latency_ms: float

    def open(self, take: TakePcm, give: GivePcm) -> None: ...

    def close(self) -> None: ...


class MachineSound:
    """Through PortAudio. Devices are named as `python -m sounddevice` lists them; None is the system's default."""

    def __init__(self, microphone: str | None = None, speaker: str | None = None) -> None:
        self._microphone = microphone
        self._speaker = speaker
        self._streams: list[Any] = []
        self.output_latency_ms = 0.0

    def open(self, take: TakePcm, give: GivePcm) -> None:
        sounddevice = _import_sounddevice()

        def heard(data: Any, _frames: int, _time: Any, _status: Any) -> None:
            take(bytes(data))

        def speak(out: Any, frames: int, _time: Any, _status: Any) -> None:
            out[:] = give(frames).tobytes()

        common = {"channels": 1, "dtype": "int16", "latency": "low"}
        try:
            into = sounddevice.RawInputStream(
                samplerate=INPUT_RATE_HZ, blocksize=INPUT_RATE_HZ * FRAME_MS // 1000, device=self._microphone,
                callback=heard, **common,
            )  # fmt: skip
            out = sounddevice.RawOutputStream(samplerate=OUTPUT_RATE_HZ, device=self._speaker, callback=speak, **common)
        except (sounddevice.PortAudioError, ValueError) as failure:
            raise CommandError(
                f"no sound here ({failure}): plug in a microphone and a loudspeaker, name them with --microphone and --speaker "
                "(`python -m sounddevice` lists them), or type with --text"
            ) from None
        self._streams = [into, out]
        self.output_latency_ms = out.latency * 1000
        for stream in self._streams:
            stream.start()

    def close(self) -> None:
        for stream in self._streams:
            stream.close()
        self._streams = []


def _import_sounddevice() -> Any:
    try:
        import sounddevice
    except ImportError:
        raise CommandError(
            "talking needs one more package: pip install 'stream-talk[microphone]', or type with --text"
        ) from None
    except OSError:
        raise CommandError(
            "talking needs PortAudio (Debian: apt-get install libportaudio2), or type with --text"
        ) from None
    return sounddevice


class Loudspeaker:
    """Reply frames in, sound and playout reports out. The sound system's thread pulls while the line's thread fills.

    `on_report` is called, on whichever of these threads, when there is something in `take_reports`.
    """

    def __init__(
        self, output_latency_ms: Callable[[], float] = lambda: 0.0, on_report: Callable[[], None] = lambda: None
    ) -> None:
        self._buffer = PlayoutBuffer(OUTPUT_RATE_HZ)
        self._lock = threading.Lock()
        self._latency_ms = output_latency_ms
        self._on_report = on_report
        self._due: list[dict[str, Any]] = []
        self._ends: dict[int, int] = {}
        self._requests: dict[int, str] = {}

    def opened(self, generation: int, request_id: str) -> None:
        self._requests[generation] = request_id

    def push(self, frame: AudioFrame) -> None:
        """A resume sends again from a word's beginning; what is held already is not held twice."""
        pcm = np.frombuffer(frame.pcm, np.int16)
        known = self._ends.get(frame.generation, frame.position)
        fresh = pcm[max(0, known - frame.position) :]
        self._ends[frame.generation] = max(known, frame.position + len(pcm))
        request_id = self._requests.get(frame.generation, str(frame.generation))
        with self._reporting():
            if len(fresh):
                self._buffer.push(fresh, ChunkTag(request_id, frame.generation))
            if frame.flags & FLAG_LAST:
                self._buffer.end_request(request_id)

    def ended(self, generation: int) -> None:
        with self._reporting():
            self._buffer.end_request(self._requests.get(generation, str(generation)))

    def control(self, message: dict[str, Any]) -> None:
        with self._reporting():
            self._buffer.control(
                message["action"],
                int(message.get("generation", 0)),
                gain_db=float(message.get("gain_db", -14.0)),
                from_ms=message.get("from_ms"),
            )

    def pull(self, samples: int) -> Pcm16:
        with self._reporting():
            return self._buffer.pull(samples)

    def read_aloud_silently(self) -> None:
        """Without a loudspeaker the text is what the person gets, and they have it as soon as it is there."""
        with self._reporting():
            while self._buffer.take(OUTPUT_RATE_HZ) is not None:
                continue

    def take_reports(self) -> list[dict[str, Any]]:
        with self._lock:
            due, self._due = self._due, []
        return due

    @contextmanager
    def _reporting(self) -> Iterator[None]:
        with self._lock:
            yield
            reports = [self._to_wire(report) for report in self._buffer.take_reports(clock.now_ms())]
            self._due += reports
        if reports:
            self._on_report()

    def _to_wire(self, report: dict[str, Any]) -> dict[str, Any]:
        """While a reply plays, what the device still holds was not heard yet; at a pause or the end it is on its way out."""
        latency_ms = self._latency_ms() if report["state"] == "playing" else 0.0
        wire = {name: report[name] for name in ("request_id", "generation", "buffered_ms", "state", "client_ts_ms")}
        return {"type": "playout", **wire, "played_ms": max(0, report["played_ms"] - int(latency_ms))}
