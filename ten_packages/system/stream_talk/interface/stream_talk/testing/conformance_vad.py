"""What every VAD extension must do: frames pass through, speech begins and ends once, at the right media time.

class TestConformance(VadConformance):
    addon = "silero_vad_python"
    properties = {}

    @pytest.fixture
    def speech(self) -> Pcm16: ...      # 16 kHz, speech from its first to its last sample, one to five seconds, no long pause
"""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np
import pytest

from stream_talk.audio.pcm import silence
from stream_talk.audio.resample import resample_whole
from stream_talk.engines.interfaces import Pcm16
from stream_talk.ten import names
from stream_talk.testing.stage import Record, Stage, drive, drive_side_by_side

METADATA = {"session_id": "vad-session"}
RATE_HZ = 16000
LEAD_MS = 600


class VadConformance:
    addon: ClassVar[str]
    properties: ClassVar[dict[str, Any]]
    onset_tolerance_ms: ClassVar[float] = 150.0
    end_tolerance_ms: ClassVar[float] = 250.0

    @pytest.fixture
    def speech(self) -> Pcm16:
        raise NotImplementedError("give the suite a recording to hear")

    # --- helpers ----------------------------------------------------------------------------------------------------

    def hear(
        self,
        pcm: Pcm16,
        *,
        frame_samples: int = 320,
        rate_hz: int = RATE_HZ,
        session: str = "vad-session",
        **changes: Any,
    ) -> Record:
        """What the extension says about a recording."""

        async def script(stage: Stage) -> None:
            await stage.speak(pcm, {"session_id": session}, frame_samples=frame_samples, sample_rate_hz=rate_hz)
            if not changes.get("gate"):
                await stage.wait_audio(count=math.ceil(len(pcm) / frame_samples))
            await self.settled(stage)

        return drive(self.addon, {**self.properties, **changes}, script)

    @staticmethod
    async def settled(stage: Stage) -> None:
        """Everything that was sent is dealt with, however busy the machine is."""
        while await stage.quiet_for(300):
            pass

    @staticmethod
    def framed(speech: Pcm16) -> Pcm16:
        return np.concatenate([silence(LEAD_MS, RATE_HZ), speech, silence(1500, RATE_HZ)])

    def assert_one_sentence(self, record: Record, speech: Pcm16) -> None:
        (start,) = record.cmds(names.START_OF_SENTENCE)
        (end,) = record.cmds(names.END_OF_SENTENCE)
        assert abs(start.body["timestamp_ms"] - LEAD_MS) <= self.onset_tolerance_ms
        end_ms = LEAD_MS + len(speech) * 1000 / RATE_HZ
        assert abs(end.body["timestamp_ms"] - end_ms) <= self.end_tolerance_ms
        assert 0.0 <= start.body["probability"] <= 1.0
        assert end.body["decided_ms"] > end.body["timestamp_ms"]

    # --- conditions -------------------------------------------------------------------------------------------------

    def test_one_sentence_begins_and_ends_once(self, speech: Pcm16) -> None:
        record = self.hear(self.framed(speech))
        self.assert_one_sentence(record, speech)
        assert record.cmds(names.START_OF_SENTENCE)[0].body["session_id"] == METADATA["session_id"]

    def test_frames_pass_unchanged(self, speech: Pcm16) -> None:
        pcm = self.framed(speech)
        record = self.hear(pcm)
        assert np.array_equal(record.pcm(), pcm)
        assert all(e.body == METADATA and e.sample_rate_hz == RATE_HZ for e in record.audio())
        assert [e.timestamp_ms for e in record.audio()[:3]] == [0, 20, 40]

    @pytest.mark.parametrize("frame_samples", [160, 512, 331, 1600])
    def test_any_frame_length(self, speech: Pcm16, frame_samples: int) -> None:
        """One hop per frame at most is a known fault of such extensions: with long frames they fall behind."""
        self.assert_one_sentence(self.hear(self.framed(speech), frame_samples=frame_samples), speech)

    @pytest.mark.parametrize("rate_hz", [8000, 48000])
    def test_other_sample_rates(self, speech: Pcm16, rate_hz: int) -> None:
        pcm = resample_whole(self.framed(speech), RATE_HZ, rate_hz)
        self.assert_one_sentence(self.hear(pcm, frame_samples=rate_hz // 50, rate_hz=rate_hz), speech)

    def test_silence_is_silent(self) -> None:
        record = self.hear(silence(2000, RATE_HZ))
        assert not record.cmds(names.START_OF_SENTENCE) and not record.cmds(names.END_OF_SENTENCE)

    def test_two_sentences(self, speech: Pcm16) -> None:
        record = self.hear(np.concatenate([self.framed(speech), speech, silence(1500, RATE_HZ)]))
        starts, ends = record.cmds(names.START_OF_SENTENCE), record.cmds(names.END_OF_SENTENCE)
        assert len(starts) == len(ends) == 2
        assert ends[0].body["timestamp_ms"] < starts[1].body["timestamp_ms"]

    def test_gate_lets_only_speech_through_with_what_precedes_it(self, speech: Pcm16) -> None:
        pcm = np.concatenate([silence(2000, RATE_HZ), speech, silence(2500, RATE_HZ)])
        record = self.hear(pcm, gate=True)
        first_ms = record.audio()[0].timestamp_ms
        (start,) = record.cmds(names.START_OF_SENTENCE)
        assert first_ms <= start.body["timestamp_ms"] - 300
        assert len(record.pcm()) < len(pcm) - 2 * RATE_HZ
        times = [e.timestamp_ms for e in record.audio()]
        assert times == sorted(times)

    def test_unknown_command_is_answered(self) -> None:
        async def script(stage: Stage) -> None:
            assert (await stage.send_cmd("no_such_command")).ok

        drive(self.addon, self.properties, script)

    def test_two_sessions_do_not_mix(self, speech: Pcm16) -> None:
        def script_of(session: str, pcm: Pcm16) -> Any:
            async def script(stage: Stage) -> None:
                await stage.speak(pcm, {"session_id": session}, frame_samples=320)
                await self.settled(stage)

            return script

        scripts = [script_of("a", self.framed(speech)), script_of("b", silence(3000, RATE_HZ))]
        talking, quiet = drive_side_by_side(self.addon, self.properties, scripts)
        self.assert_one_sentence(talking, speech)
        assert not quiet.cmds(names.START_OF_SENTENCE)
