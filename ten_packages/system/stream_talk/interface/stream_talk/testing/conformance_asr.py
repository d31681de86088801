"""What every ASR extension must do: TEN's acceptance conditions, and ours on timing, bad input and sessions.

class TestConformance(AsrConformance):
    addon = "pocketsphinx_asr_python"
    properties = {"params": {"language": "en-US"}}
    unavailable_properties = {"params": {"hmm": "/no/such/model"}}

    @pytest.fixture
    def clip(self) -> Pcm16: ...        # 16 kHz speech, one to ten seconds, some silence at its end
"""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from stream_talk.audio.pcm import silence
from stream_talk.audio.resample import resample_whole
from stream_talk.engines.interfaces import Pcm16
from stream_talk.engines.shared import hosts
from stream_talk.ten import names
from stream_talk.testing.memory import family_mb
from stream_talk.testing.stage import Event, Record, Stage, drive, drive_side_by_side

METADATA = {"session_id": "asr-session"}
RATE_HZ = 16000
_REQUIRED = ("id", "text", "final", "start_ms", "duration_ms", "language", "words", "metadata")


class AsrConformance:
    addon: ClassVar[str]
    properties: ClassVar[dict[str, Any]]
    unavailable_properties: ClassVar[dict[str, Any] | None] = None
    language: ClassVar[str] = "en-US"
    gives_partials: ClassVar[bool] = True
    hears_text: ClassVar[bool] = True  # False for engines with random weights: their words mean nothing
    final_limit_ms: ClassVar[float] = 15_000.0
    speed: ClassVar[float] = 8.0
    memory_utterances: ClassVar[int] = 100
    memory_growth_mb: ClassVar[float] = 12.0

    @pytest.fixture
    def clip(self) -> Pcm16:
        raise NotImplementedError("give the suite a recording to hear")

    # --- helpers ----------------------------------------------------------------------------------------------------

    def drive(self, script: Any, **changes: Any) -> Record:
        return drive(self.addon, {**self.properties, **changes}, script)

    async def finalize(
        self, stage: Stage, finalize_id: str, metadata: dict[str, Any] | None = None, *, loads_first: bool = False
    ) -> Event:
        """Ask for the final; the final itself must be there before the answer."""
        metadata = METADATA if metadata is None else metadata
        await stage.send_data(names.ASR_FINALIZE, {"finalize_id": finalize_id, "metadata": metadata})
        limit_ms = self.final_limit_ms + (60_000 if loads_first else 0)
        await stage.wait_data(names.ASR_FINALIZE_END, lambda b: b["finalize_id"] == finalize_id, timeout_ms=limit_ms)
        return finals(stage.record)[-1]

    # --- TEN's conditions -------------------------------------------------------------------------------------------

    def test_final_has_all_fields(self, clip: Pcm16) -> None:
        async def script(stage: Stage) -> None:
            await stage.speak(clip, METADATA, speed=self.speed)
            await self.finalize(stage, "f1")

        record = self.drive(script)
        body = spoken_final(record, self.hears_text)
        assert all(key in body for key in _REQUIRED)
        assert body["language"] == self.language
        assert body["metadata"]["session_id"] == METADATA["session_id"]
        assert body["start_ms"] >= 0 and body["duration_ms"] >= 1
        assert not record.data(names.ERROR)

    def test_interims_share_the_id_of_their_final(self, clip: Pcm16) -> None:
        if not self.gives_partials:
            pytest.skip("gives no partials")

        async def script(stage: Stage) -> None:
            await stage.speak(clip, METADATA, speed=2.0)
            await self.finalize(stage, "f1")

        record = self.drive(script)
        final_ids = {e.body["id"] for e in finals(record)}
        interims = [e for e in record.data(names.ASR_RESULT) if not e.body["final"]]
        assert interims, "no partial came while the person spoke"
        assert {e.body["id"] for e in interims} <= final_ids

    def test_stable_words_do_not_change(self, clip: Pcm16) -> None:
        """Two words that were called stable are still there in the next partial."""

        async def script(stage: Stage) -> None:
            await stage.speak(clip, METADATA, speed=2.0)
            await self.finalize(stage, "f1")

        record = self.drive(script)
        stable: dict[str, list[str]] = {}
        for event in record.data(names.ASR_RESULT):
            if event.body["final"]:
                continue
            words = [w["word"] for w in event.body["words"] if w["stable"]]
            before = stable.get(event.body["id"], [])
            assert words[: len(before)] == before
            stable[event.body["id"]] = words

    def test_finalize_is_answered_after_the_final(self, clip: Pcm16) -> None:
        metadata = {**METADATA, "turn_id": 4}

        async def script(stage: Stage) -> None:
            await stage.speak(clip, METADATA, speed=self.speed)
            await self.finalize(stage, "the-id", metadata)

        record = self.drive(script)
        end = record.data(names.ASR_FINALIZE_END)[0]
        assert end.body == {"finalize_id": "the-id", "metadata": metadata}
        assert record.events.index(finals(record)[0]) < record.events.index(end)

    def test_two_utterances_in_one_session(self, clip: Pcm16) -> None:
        async def script(stage: Stage) -> None:
            end_ms = await stage.speak(clip, METADATA, speed=self.speed)
            await self.finalize(stage, "one")
            await stage.speak(clip, METADATA, speed=self.speed, from_ms=end_ms)
            await self.finalize(stage, "two")

        record = self.drive(script)
        spoken = [e.body for e in finals(record) if e.body["text"] or not self.hears_text]
        assert len({body["id"] for body in spoken}) == len(spoken) >= 2
        if self.hears_text:
            assert spoken[0]["text"] and spoken[-1]["text"]

    def test_finalize_without_speech_is_answered(self) -> None:
        async def script(stage: Stage) -> None:
            final = await self.finalize(stage, "nothing")
            assert final.body["text"] == ""

        record = self.drive(script)
        assert len(record.data(names.ASR_FINALIZE_END)) == 1
        assert not record.data(names.ERROR)

    def test_finals_do_not_overlap(self, clip: Pcm16) -> None:
        pause = silence(1500, RATE_HZ)
        long = np.concatenate([clip, pause, clip, pause])

        async def script(stage: Stage) -> None:
            await stage.speak(long, METADATA, speed=self.speed)
            await self.finalize(stage, "end")

        record = self.drive(script)
        heard = [e.body for e in finals(record) if e.body["text"] or not self.hears_text]
        heard = [body for body in heard if body["duration_ms"] > 1]
        for one, other in itertools.pairwise(heard):
            assert other["start_ms"] >= one["start_ms"] + one["duration_ms"]
        if self.hears_text:
            assert len(heard) >= 2, "a pause of 1.5 s did not end the segment"
            second_ms = (len(clip) + len(pause)) * 1000 / RATE_HZ
            assert heard[-1]["start_ms"] >= second_ms - 500

    def test_dump_holds_what_was_sent(self, clip: Pcm16, tmp_path: Path) -> None:
        async def script(stage: Stage) -> None:
            await stage.speak(clip, METADATA, speed=self.speed)
            await self.finalize(stage, "f")

        self.drive(script, dump=True, dump_path=str(tmp_path))
        (file,) = tmp_path.glob("*.pcm")
        assert file.read_bytes() == clip.tobytes()

    def test_metrics(self, clip: Pcm16) -> None:
        async def script(stage: Stage) -> None:
            await stage.speak(clip, METADATA, speed=self.speed)
            await self.finalize(stage, "f")
            await stage.quiet_for(50)

        record = self.drive(script)
        reported = record.data(names.METRICS)
        assert all(e.body["module"] == "asr" and e.body["vendor"] and "id" in e.body for e in reported)
        keys = {key for e in reported for key in e.body["metrics"]}
        if self.hears_text:
            assert {"ttfw", "ttlw"} <= keys

    def test_what_cannot_work_now_is_reported_as_not_fatal(self, clip: Pcm16) -> None:
        if self.unavailable_properties is None:
            pytest.skip("no unavailable configuration given")

        async def script(stage: Stage) -> None:
            await stage.speak(clip[: RATE_HZ // 2], METADATA)
            await stage.wait_data(names.ERROR)

        record = drive(self.addon, self.unavailable_properties, script)
        errors = [e.body for e in record.data(names.ERROR)]
        assert {e["code"] for e in errors} == {names.CODE_NON_FATAL}
        assert errors[0]["module"] == "asr" and errors[0]["message"] and errors[0]["vendor_info"]["vendor"]

    # --- ours -------------------------------------------------------------------------------------------------------

    def test_audio_from_before_the_engine_was_loaded_is_heard(self, clip: Pcm16) -> None:
        """Everything is sent at once at the very start, the finalize included."""

        async def script(stage: Stage) -> None:
            await stage.speak(clip, METADATA)
            await self.finalize(stage, "early")

        spoken_final(self.drive(script), self.hears_text)

    @pytest.mark.parametrize("frame_samples", [1, 37, 331, 5000])
    def test_any_frame_length(self, clip: Pcm16, frame_samples: int) -> None:
        clip = clip[: min(len(clip), 6000)] if frame_samples == 1 else clip

        async def script(stage: Stage) -> None:
            await stage.speak(clip, METADATA, frame_samples=frame_samples)
            await self.finalize(stage, "f")

        record = self.drive(script)
        assert not record.data(names.ERROR)
        if frame_samples > 1:
            spoken_final(record, self.hears_text)

    @pytest.mark.parametrize("rate_hz", [8000, 48000])
    def test_other_sample_rates(self, clip: Pcm16, rate_hz: int) -> None:
        other = resample_whole(clip, RATE_HZ, rate_hz)

        async def script(stage: Stage) -> None:
            await stage.speak(other, METADATA, sample_rate_hz=rate_hz, frame_samples=rate_hz // 50, speed=self.speed)
            await self.finalize(stage, "f")

        body = spoken_final(self.drive(script), self.hears_text)
        assert body["start_ms"] + body["duration_ms"] <= len(clip) * 1000 / RATE_HZ + 300

    @pytest.mark.parametrize("kind", ["silence", "noise", "clipping", "click"])
    def test_sound_without_speech_does_no_harm(self, kind: str) -> None:
        random = np.random.default_rng(7)
        sounds = {
            "silence": np.zeros(RATE_HZ, np.int16),
            "noise": (random.standard_normal(RATE_HZ) * 300).astype(np.int16),
            "clipping": (np.sign(np.sin(np.arange(RATE_HZ) * 0.2)) * 32767).astype(np.int16),
            "click": np.where(np.arange(800) == 400, 30000, 0).astype(np.int16),
        }

        async def script(stage: Stage) -> None:
            await stage.speak(sounds[kind], METADATA)
            final = await self.finalize(stage, "f")
            if kind == "silence":
                assert final.body["text"] == ""

        assert not self.drive(script).data(names.ERROR)

    def test_unknown_command_is_answered(self) -> None:
        async def script(stage: Stage) -> None:
            assert (await stage.send_cmd("no_such_command")).ok
            assert (await stage.send_cmd(names.UPDATE_CONFIGS, {"params": {}})).body["code"] == 0

        self.drive(script)

    def test_a_session_that_ends_in_the_middle_of_a_word_leaves_nothing_open(self, clip: Pcm16) -> None:
        """Its utterance is dropped; the shared engine serves the next session as if it had never been."""

        async def leave(stage: Stage) -> None:
            await stage.speak(clip[: len(clip) // 2], METADATA, speed=self.speed)

        async def stay(stage: Stage) -> None:
            await stage.speak(clip, METADATA, speed=self.speed)
            await self.finalize(stage, "f")

        for _ in range(3):
            self.drive(leave)
        spoken_final(self.drive(stay), self.hears_text)

    @pytest.mark.timeout(600)  # a hundred requests, on a machine that others share
    def test_memory_stays_flat(self, clip: Pcm16) -> None:
        """Of the stage and of the worker in which its engine lives."""
        hosts.close_all()  # workers of tests before would leave while we measure
        sizes: list[float] = []
        short = clip[: RATE_HZ * 2 // 5]

        async def script(stage: Stage) -> None:
            at_ms = 0.0
            for i in range(self.memory_utterances):
                at_ms = await stage.speak(short, METADATA, speed=100.0, from_ms=at_ms)
                await self.finalize(stage, f"f{i}", loads_first=i == 0)
                if i == self.memory_utterances // 3:
                    sizes.append(family_mb())
                stage.record.events[:-1] = []
            sizes.append(family_mb())

        self.drive(script)
        assert sizes[1] - sizes[0] < self.memory_growth_mb

    def test_two_sessions_do_not_mix(self, clip: Pcm16) -> None:
        def script_of(session: str) -> Any:
            async def script(stage: Stage) -> None:
                await stage.speak(clip, {"session_id": session}, speed=self.speed)
                await self.finalize(stage, session, {"session_id": session})

            return script

        records = drive_side_by_side(self.addon, self.properties, [script_of("a"), script_of("b")])
        for record, session in zip(records, "ab", strict=True):
            assert {e.body["metadata"]["session_id"] for e in record.data(names.ASR_RESULT)} == {session}
            spoken_final(record, self.hears_text)


def finals(record: Record) -> list[Event]:
    return [e for e in record.data(names.ASR_RESULT) if e.body["final"]]


def spoken_final(record: Record, hears_text: bool) -> dict[str, Any]:
    """The first final with text (or the first at all, where words mean nothing)."""
    bodies = [e.body for e in finals(record)]
    if not hears_text:
        assert bodies, "no final came"
        return bodies[0]
    with_text = [body for body in bodies if body["text"]]
    assert with_text, f"nothing was heard; results: {[e.body['text'] for e in record.data(names.ASR_RESULT)]}"
    return with_text[0]
