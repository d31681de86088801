"""What every TTS extension must do: TEN's acceptance conditions, and ours on streaming, cancel, memory and sessions.

class TestConformance(TtsConformance):
    addon = "espeak_tts_python"
    properties = {"params": {"voice": "en-us"}}
    invalid_properties = {"params": {"voice": "no such voice"}}
    missing_properties = {"params": {}}
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import pytest

from stream_talk import clock
from stream_talk.audio.pcm import rms_dbfs
from stream_talk.engines.shared import hosts
from stream_talk.ten import names
from stream_talk.testing.memory import family_mb
from stream_talk.testing.stage import Event, Record, Stage, drive, drive_side_by_side

SENTENCE = "The quick brown fox jumps over the lazy dog. "
ODD_TEXTS = (
    "", " ", "\n", "\t", ",", "...", "?!", "😀", "👍🏽👍🏽", "*", "**bold**", "# ", "- ", "()", "[]", "<b>", "&amp;", "\\", "'", '"',
    "http://", "$%^", "—", "\u200b", "\ufeff", "Ａ", "１２",
)  # fmt: skip


class TtsConformance:
    addon: ClassVar[str]
    properties: ClassVar[dict[str, Any]]
    invalid_properties: ClassVar[dict[str, Any] | None] = None
    missing_properties: ClassVar[dict[str, Any] | None] = None
    sample_rates_hz: ClassVar[tuple[int, int]] = (16000, 24000)
    takes_sample_rate: ClassVar[bool] = True
    memory_requests: ClassVar[int] = 100
    memory_growth_mb: ClassVar[float] = 12.0
    ready_after_cut_ms: ClassVar[float] = (
        1000.0  # that a flush may add to the next reply's usual wait for its first sound
    )
    sentence: ClassVar[str] = SENTENCE

    # --- helpers ----------------------------------------------------------------------------------------------------

    def drive(self, script: Any, **changes: Any) -> Record:
        return drive(self.addon, {**self.properties, **changes}, script)

    @staticmethod
    async def say(stage: Stage, request_id: str, *texts: str, end: bool = True, **metadata: Any) -> None:
        """Append texts to a request; the last one ends it."""
        body = {"session_id": "s1", "turn_id": 1, "request_id": request_id, **metadata}
        for i, text in enumerate(texts):
            last = end and i == len(texts) - 1
            message = {"request_id": request_id, "text": text, "text_input_end": last, "metadata": body}
            await stage.send_data(names.TTS_TEXT_INPUT, message)

    @staticmethod
    async def ended(stage: Stage, request_id: str, timeout_ms: float = 30_000.0) -> Event:
        return await stage.wait_data(
            names.TTS_AUDIO_END, lambda b: b["request_id"] == request_id, timeout_ms=timeout_ms
        )

    @staticmethod
    def assert_clean_sequence(record: Record, request_ids: list[str]) -> None:
        """start, frames, end of one request before anything of the next."""
        current: str | None = None
        finished: list[str] = []
        for event in record.events:
            if event.name == names.TTS_AUDIO_START:
                assert current is None, f"{event.body['request_id']} starts inside {current}"
                current = event.body["request_id"]
            elif event.kind == "audio":
                assert event.body["request_id"] == current
            elif event.name == names.TTS_AUDIO_END:
                assert current in (None, event.body["request_id"])
                finished.append(event.body["request_id"])
                current = None
        assert finished == request_ids

    @staticmethod
    def assert_duration(record: Record, request_id: str) -> None:
        """The reported length is that of the sound that was sent, within 50 ms."""
        end = next(e for e in record.data(names.TTS_AUDIO_END) if e.body["request_id"] == request_id)
        real_ms = sum(len(e.pcm) * 1000.0 / e.sample_rate_hz for e in record.audio(request_id) if e.pcm is not None)
        assert abs(end.body["request_total_audio_duration_ms"] - real_ms) <= 50

    # --- TEN's conditions -------------------------------------------------------------------------------------------

    def test_appended_texts_make_one_request_after_the_other(self, tmp_path: Path) -> None:
        groups = [
            ["Hello there.", ""],
            ["How are", " you today?"],
            [" "],
            [","],
            ["😀"],
            ["Fine, ", "thank you."],
            ["Bye."],
        ]
        ids = [f"group-{i}" for i in range(len(groups))]

        async def script(stage: Stage) -> None:
            for request_id, texts in zip(ids, groups, strict=True):
                await self.say(stage, request_id, *texts)
            await self.ended(stage, ids[-1])

        record = self.drive(script, dump=True, dump_path=str(tmp_path))
        self.assert_clean_sequence(record, ids)
        for request_id in ids:
            self.assert_duration(record, request_id)
        spoken = [i for i in (0, 1, 5, 6)]
        assert len(list(tmp_path.glob("*.pcm"))) == len(spoken)
        assert all(e.body["reason"] == names.REASON_REQUEST_END for e in record.data(names.TTS_AUDIO_END))
        assert not record.data(names.ERROR)

    def test_metadata_is_echoed_exactly(self) -> None:
        metadata = {"session_id": "s1", "turn_id": 7, "request_id": "m", "generation": 3, "extra": {"a": [1, None]}}

        async def script(stage: Stage) -> None:
            message = {"request_id": "m", "text": self.sentence, "text_input_end": True, "metadata": metadata}
            await stage.send_data(names.TTS_TEXT_INPUT, message)
            await self.ended(stage, "m")

        record = self.drive(script)
        said = [*record.data(names.TTS_AUDIO_START), *record.data(names.TTS_AUDIO_END), *record.data(names.METRICS)]
        assert all(e.body["metadata"] == metadata for e in said if e.body.get("id", "m") == "m")
        assert record.audio() and all(e.body == metadata for e in record.audio())

    def test_speaks_before_the_text_is_complete(self) -> None:
        async def script(stage: Stage) -> None:
            await self.say(stage, "open", self.sentence, end=False)
            await stage.wait_audio()
            assert not stage.record.data(names.TTS_AUDIO_END)
            await self.say(stage, "open", "", end=True)
            await self.ended(stage, "open")

        record = self.drive(script)
        assert len(record.data(names.TTS_AUDIO_START)) == 1

    def test_flush_ends_the_request_then_answers_then_is_silent(self) -> None:
        flush_metadata = {"session_id": "s1", "turn_id": 1, "why": "barge-in"}

        async def script(stage: Stage) -> None:
            await self.say(stage, "long", self.sentence * 8, end=False)
            await stage.wait_audio()
            await stage.send_data(names.TTS_FLUSH, {"flush_id": "f1", "metadata": flush_metadata})
            await stage.wait_data(names.TTS_FLUSH_END)
            late = await stage.quiet_for(600)
            assert [e.name for e in late if e.name != names.METRICS] == []

        record = self.drive(script)
        sequence = [e.name for e in record.events if e.name in (names.TTS_AUDIO_END, names.TTS_FLUSH_END)]
        assert sequence == [names.TTS_AUDIO_END, names.TTS_FLUSH_END]
        assert record.data(names.TTS_AUDIO_END)[0].body["reason"] == names.REASON_INTERRUPTED
        assert record.data(names.TTS_FLUSH_END)[0].body == {"flush_id": "f1", "metadata": flush_metadata}
        assert not record.data(names.ERROR)

    def test_interrupt_drops_what_waits_and_serves_what_comes_after(self, tmp_path: Path) -> None:
        async def script(stage: Stage) -> None:
            await self.say(stage, "one", self.sentence * 6)
            await self.say(stage, "two", "Never heard.")
            await stage.wait_audio()
            await stage.send_data(names.TTS_FLUSH, {"flush_id": "f", "metadata": {"session_id": "s1"}})
            await stage.wait_data(names.TTS_FLUSH_END)
            assert len(list(tmp_path.glob("*.pcm"))) == 1
            await self.say(stage, "three", "Now I speak.")
            await self.say(stage, "four", "And again.")
            await self.ended(stage, "four")

        record = self.drive(script, dump=True, dump_path=str(tmp_path))
        assert not record.audio("two")
        assert [e.body["request_id"] for e in record.data(names.TTS_AUDIO_END)] == ["one", "three", "four"]
        assert len(list(tmp_path.glob("*.pcm"))) == 3

    def test_a_dead_generation_is_never_heard_again(self) -> None:
        async def script(stage: Stage) -> None:
            await self.say(stage, "g1", self.sentence * 4, generation=1)
            await stage.wait_audio()
            await stage.send_data(names.TTS_FLUSH, {"flush_id": "f", "metadata": {"session_id": "s1", "generation": 1}})
            await stage.wait_data(names.TTS_FLUSH_END)
            await self.say(stage, "g1", "A late token of the old reply.", generation=1)
            await self.say(stage, "g2", "The new reply.", generation=2)
            await self.ended(stage, "g2")

        record = self.drive(script)
        cut = record.events.index(record.data(names.TTS_FLUSH_END)[0])
        assert {e.body["request_id"] for e in record.events[cut:] if e.kind == "audio"} == {"g2"}

    @pytest.mark.parametrize("text", ["", " ", ",", "😀"])
    def test_text_that_cannot_be_spoken_ends_at_once(self, text: str) -> None:
        async def script(stage: Stage) -> None:
            await self.say(stage, "empty", text)
            await self.ended(stage, "empty", timeout_ms=5000)

        record = self.drive(script)
        assert record.data(names.TTS_AUDIO_END)[0].body["metadata"]["session_id"] == "s1"
        assert not record.audio() and not record.data(names.ERROR)

    def test_interleaved_requests_all_end(self, tmp_path: Path) -> None:
        ids = [f"r{i}" for i in range(8)]

        async def script(stage: Stage) -> None:
            for request_id in ids:
                await self.say(stage, request_id, f"Part one of {request_id}, ", end=False)
            for request_id in ids:
                await self.say(stage, request_id, "and part two.", end=True)
            await self.ended(stage, ids[-1])

        record = self.drive(script, dump=True, dump_path=str(tmp_path))
        self.assert_clean_sequence(record, ids)
        assert {e.body["reason"] for e in record.data(names.TTS_AUDIO_END)} == {names.REASON_REQUEST_END}
        assert len(list(tmp_path.glob("*.pcm"))) == 8

    def test_metrics_come_before_the_end(self) -> None:
        async def script(stage: Stage) -> None:
            await self.say(stage, "m", self.sentence)
            await self.ended(stage, "m")

        record = self.drive(script)
        end = record.events.index(record.data(names.TTS_AUDIO_END)[0])
        before = [e for e in record.events[:end] if e.name == names.METRICS and e.body["id"] == "m"]
        assert any("ttfb" in e.body["metrics"] for e in before)
        assert all(e.body["module"] == "tts" and e.body["vendor"] for e in before)

    def test_dump_holds_what_was_sent(self, tmp_path: Path) -> None:
        async def script(stage: Stage) -> None:
            await self.say(stage, "d/1", self.sentence)
            await self.ended(stage, "d/1")

        record = self.drive(script, dump=True, dump_path=str(tmp_path))
        (file,) = tmp_path.glob("*.pcm")
        assert file.read_bytes() == record.pcm().tobytes()

    def test_output_rate_is_configured(self) -> None:
        if not self.takes_sample_rate:
            pytest.skip("this voice has one rate")
        rates, lengths = [], []
        for rate_hz in self.sample_rates_hz:
            params = {**self.properties["params"], "sample_rate": rate_hz}

            async def script(stage: Stage) -> None:
                await self.say(stage, "r", self.sentence)
                await self.ended(stage, "r")

            record = self.drive(script, params=params)
            rates.append({e.sample_rate_hz for e in record.audio()})
            lengths.append(len(record.pcm()) / rate_hz)
        assert rates == [{rate_hz} for rate_hz in self.sample_rates_hz]
        assert abs(lengths[0] - lengths[1]) < 0.15 * max(lengths)

    def test_invalid_parameters_are_fatal(self) -> None:
        if self.invalid_properties is None:
            pytest.skip("no invalid configuration given")
        self._assert_fatal(self.invalid_properties, speak=True)

    def test_missing_parameters_are_fatal_without_any_input(self) -> None:
        if self.missing_properties is None:
            pytest.skip("nothing is required")
        self._assert_fatal(self.missing_properties, speak=False)

    def _assert_fatal(self, properties: dict[str, Any], *, speak: bool) -> None:
        async def script(stage: Stage) -> None:
            if speak:
                await self.say(stage, "x", "Hello.")
            await stage.wait_data(names.ERROR)

        record = drive(self.addon, properties, script)
        error = record.data(names.ERROR)[0].body
        assert error["code"] == names.CODE_FATAL
        assert error["module"] == "tts" and error["message"] and "vendor" in error["vendor_info"]

    def test_odd_text_does_no_harm(self) -> None:
        async def script(stage: Stage) -> None:
            for i, text in enumerate(ODD_TEXTS):
                await self.say(stage, f"odd-{i}", text, end=False)
                await self.say(stage, f"odd-{i}", "This is a valid sentence.", end=True)
                await self.ended(stage, f"odd-{i}", timeout_ms=10_000)

        record = self.drive(script, max_lead_ms=3_600_000)
        assert all(record.audio(f"odd-{i}") for i in range(len(ODD_TEXTS)))
        assert not record.data(names.ERROR)

    def test_unknown_command_is_answered(self) -> None:
        async def script(stage: Stage) -> None:
            assert (await stage.send_cmd("no_such_command", {"x": 1})).ok
            assert (await stage.send_cmd(names.UPDATE_CONFIGS, {"params": {}})).body["code"] == 0

        self.drive(script)

    # --- ours -------------------------------------------------------------------------------------------------------

    def test_it_really_sounds(self) -> None:
        async def script(stage: Stage) -> None:
            await self.say(stage, "s", self.sentence)
            await self.ended(stage, "s")

        record = self.drive(script)
        assert rms_dbfs(record.pcm()) > -45
        assert len(record.pcm()) / record.audio()[0].sample_rate_hz > 0.5

    def test_text_results_cover_the_sound(self) -> None:
        async def script(stage: Stage) -> None:
            await self.say(stage, "t", self.sentence)
            await self.ended(stage, "t")

        record = self.drive(script)
        results = record.data(names.TTS_TEXT_RESULT)
        total_ms = record.data(names.TTS_AUDIO_END)[0].body["request_total_audio_duration_ms"]
        assert results and results[0].body["start_ms"] >= 0
        assert all(r.body["start_ms"] + r.body["duration_ms"] <= total_ms + 250 for r in results)
        words = [word for r in results for word in r.body["words"]]
        starts = [word["start_ms"] for word in words]
        assert starts == sorted(starts)

    def test_usable_at_once_after_a_cut(self) -> None:
        """Five replies, each cut at its first sound; the next one's first sound tells when the engine was free again."""

        async def script(stage: Stage) -> None:
            for i in range(5):
                await self.say(stage, f"cut-{i}", self.sentence * 6, end=False)
                await stage.wait_for(lambda e, i=i: e.kind == "audio" and e.body["request_id"] == f"cut-{i}")  # type: ignore[misc]
                await stage.send_data(names.TTS_FLUSH, {"flush_id": f"f{i}", "metadata": {}})
                await stage.wait_data(names.TTS_FLUSH_END, count=i + 1)
            await self.say(stage, "after", "Still here.")
            await self.ended(stage, "after")
            calm_from_ms.append(clock.now_ms())
            await self.say(stage, "calm", self.sentence * 6, end=False)
            await stage.wait_for(lambda e: e.kind == "audio" and e.body["request_id"] == "calm")

        calm_from_ms: list[float] = []
        record = self.drive(script)
        usual_ms = record.audio("calm")[0].at_ms - calm_from_ms[0]
        flushed_ms = [e.at_ms for e in record.data(names.TTS_FLUSH_END)]
        begins_ms = [record.audio(f"cut-{i}")[0].at_ms for i in range(1, 5)] + [record.audio("after")[0].at_ms]
        waits_ms = [begin - end for begin, end in zip(begins_ms, flushed_ms, strict=True)]
        print("ms from a flush to the next sound:", *(round(wait) for wait in waits_ms))
        # Busy machines make both slower.
        assert sorted(waits_ms)[len(waits_ms) // 2] < 4 * usual_ms + self.ready_after_cut_ms
        assert not record.data(names.ERROR)

    def test_two_sessions_do_not_mix(self) -> None:
        def script_of(session: str) -> Any:
            async def script(stage: Stage) -> None:
                for i in range(3):
                    await self.say(stage, f"{session}-{i}", self.sentence, session=session)
                await self.ended(stage, f"{session}-2")

            return script

        records = drive_side_by_side(self.addon, self.properties, [script_of("a"), script_of("b")])
        for record, session in zip(records, "ab", strict=True):
            assert {e.body["session"] for e in record.audio()} == {session}
            assert len(record.data(names.TTS_AUDIO_END)) == 3

    @pytest.mark.timeout(600)  # a hundred requests, on a machine that others share
    def test_memory_stays_flat(self) -> None:
        """Of the stage and of the worker in which its engine lives."""
        hosts.close_all()  # workers of tests before would leave while we measure
        sizes: list[float] = []

        async def script(stage: Stage) -> None:
            for i in range(self.memory_requests):
                await self.say(stage, f"m{i}", "One more.")
                await self.ended(stage, f"m{i}")
                if i == self.memory_requests // 3:
                    sizes.append(family_mb())
                stage.record.events[:-1] = []
            sizes.append(family_mb())

        self.drive(script, max_lead_ms=3_600_000)
        assert sizes[1] - sizes[0] < self.memory_growth_mb
