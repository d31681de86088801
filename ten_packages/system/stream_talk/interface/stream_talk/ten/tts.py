"""Base of speech synthesis extensions: TEN's TTS interface on top of a `TtsEngine`.

    class EspeakTtsExtension(TtsExtension):
        vendor = "espeak"
        config_model = EspeakConfig       # TtsConfig plus `params`, with at least one required parameter
        engine_class = EspeakEngine       # built with **engine_options(config)
        placement = "process"

Per request: `tts_audio_start`, frames, `tts_audio_end`; never interleaved with another request. After a flush: `tts_audio_end(2)`,
`tts_flush_end`, silence. Between the check that a request still lives and the send of its sound nothing else can run.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from pydantic import BaseModel
from ten_runtime import Cmd, Data

from stream_talk import clock
from stream_talk.audio.dump import PcmDump, safe_name
from stream_talk.audio.pcm import to_pcm16
from stream_talk.audio.resample import StreamResampler
from stream_talk.engines.fallback import Link
from stream_talk.engines.host import EngineHost, Placement
from stream_talk.engines.interfaces import Pcm16, SpeechChunk, SpeechRequest
from stream_talk.engines.speaking import ClauseSpeech, SpeechChain, request_options
from stream_talk.ten import messages, names
from stream_talk.ten.config import TtsConfig
from stream_talk.ten.engine_links import EngineLinks, choice_of
from stream_talk.ten.stage import StageExtension
from stream_talk.ten.tts_request import TtsRequest, generation_of


class TtsExtension(StageExtension[TtsConfig]):
    module: ClassVar[str] = names.MODULE_TTS
    config_model: ClassVar[type[BaseModel]] = TtsConfig
    engine_class: ClassVar[type[Any] | None] = None
    engine_at: ClassVar[tuple[str, str] | None] = None  # ("engine.py", "Class"): imported only where it runs
    placement: ClassVar[Placement] = "thread"

    @classmethod
    def engine_options(cls, config: Any) -> dict[str, Any]:
        """Keyword arguments of the engine's constructor: by default all `params` but `sample_rate`, which is the output's."""
        params = getattr(config, "params", None)
        options = params.model_dump(mode="json") if isinstance(params, BaseModel) else dict(params or {})
        options.pop("sample_rate", None)
        return options

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._links = EngineLinks(self._on_switch, late_ms=8_000.0)
        self._chain: SpeechChain | None = None
        self._loading = asyncio.Event()  # set once the first attempt to load has ended, well or badly
        self._load_problem = ""
        self._load_code = names.CODE_NON_FATAL
        self._status = "disconnected"
        self._requests: dict[str, TtsRequest] = {}  # in order of arrival; the first is the one being spoken
        self._dead_generation = -1
        self._wake = asyncio.Event()
        self._speaking: list[ClauseSpeech] = []  # the clause that sounds, and the one prepared behind it
        self._options: dict[str, Any] = {}
        self._ear_ends_ms = 0.0  # when everything sent so far will have been played, at the earliest

    # --- life -----------------------------------------------------------------------------------------------------

    async def start_stage(self) -> None:
        self.spawn(self._serve_requests())
        self._set_status("connecting")
        started_ms = clock.now_ms()
        try:
            self._chain = self._links.build(self.name, choice_of(type(self)), self.settings, TtsExtension)
        except Exception as error:
            self._on_load_problem(error, permanent=True)
            return
        await asyncio.gather(*(self._load_one(link) for link in self._chain.links))
        self.report_metrics({"connect_delay": round(clock.now_ms() - started_ms)})

    async def _load_one(self, link: Link[EngineHost]) -> None:
        await self._links.load(link, self._on_load_problem)
        self._load_problem = ""
        self._set_status("connected")
        self._loading.set()

    async def stop_stage(self) -> None:
        for request in self._requests.values():
            self._close_request_files(request)
        for speech in self._speaking:
            speech.cancel()
        self._links.release()

    def _on_load_problem(self, error: Exception, permanent: bool) -> None:
        self._load_problem = str(error)
        self._load_code = names.CODE_FATAL if permanent else names.CODE_NON_FATAL
        self._set_status("disconnected", self._load_code, str(error))
        self.report_error(self._load_code, str(error))
        self._loading.set()

    def _on_switch(self, text: str) -> None:
        request = next(iter(self._requests.values()), None)
        request_id, metadata = (request.request_id, request.metadata) if request else ("", {})
        self.report_error(names.CODE_NON_FATAL, text, request_id=request_id, metadata=metadata)

    def _set_status(self, current: str, code: int = 0, message: str = "") -> None:
        if current == self._status:
            return
        last, self._status = self._status, current
        status = messages.connection_status_data(self.module, self.vendor, current, last, code=code, message=message)
        self.post(self.env.send_data(status))

    # --- messages in ----------------------------------------------------------------------------------------------

    async def handle_data(self, name: str, data: Data) -> None:
        if name == names.TTS_TEXT_INPUT:
            self._take_text(messages.read_json(data))
        elif name == names.TTS_FLUSH:
            self._flush(messages.read_json(data))
        elif name == names.LIST_VOICES:
            await self._list_voices()

    async def handle_cmd(self, name: str, cmd: Cmd) -> Mapping[str, Any] | None:
        if name == names.UPDATE_CONFIGS:
            self._options.update(messages.read_json(cmd).get("params") or {})
            return {"code": names.CODE_OK, "message": ""}
        return {}

    async def _list_voices(self) -> None:
        best = (await self._loaded_chain()).best()
        voices = await best.engine.call("voices") if best is not None else []
        told = [{"name": v.name, "language": v.language, "description": v.description} for v in voices]
        self.send_data(names.VOICES, {"voices": told})

    def _take_text(self, body: messages.Json) -> None:
        metadata = body.get("metadata") or {}
        generation = generation_of(metadata)
        if generation is not None and generation <= self._dead_generation:
            return  # a reply that was cut while its text was still under way
        request_id = str(body.get("request_id", ""))
        request = self._requests.get(request_id)
        if request is None:
            request = self._requests[request_id] = TtsRequest(request_id, metadata, clock.now_ms())
            self._wake.set()
        if request.hold_timer is not None:
            request.hold_timer.cancel()
        request.add_options(body)
        request.add_text(str(body.get("text", "")), end=bool(body.get("text_input_end", False)))
        if request.holds_text:
            delay_s = self.settings.hold_text_ms / 1000.0
            request.hold_timer = asyncio.get_running_loop().call_later(delay_s, request.release_held_text)

    def _flush(self, body: messages.Json) -> None:
        """Everything that was asked for so far is dead; what comes after lives."""
        metadata = body.get("metadata") or {}
        generation = generation_of(metadata)
        if generation is not None:
            self._dead_generation = max(self._dead_generation, generation)
        killed = [r for r in self._requests.values() if generation is None or (r.generation or 0) <= generation]
        for position, request in enumerate(killed):
            was_speaking = position == 0 and request is next(iter(self._requests.values()))
            request.kill()
            del self._requests[request.request_id]
            if was_speaking:
                self._stop_speaking()
                self._end_request(request, names.REASON_INTERRUPTED)
            self._close_request_files(request)
        self._wake.set()
        self.send_data(names.TTS_FLUSH_END, {"flush_id": body.get("flush_id", ""), "metadata": metadata})

    def _stop_speaking(self) -> None:
        for speech in self._speaking:
            speech.cancel()
        self._speaking.clear()
        self._ear_ends_ms = clock.now_ms()

    # --- speaking -------------------------------------------------------------------------------------------------

    async def _serve_requests(self) -> None:
        while True:
            request = next(iter(self._requests.values()), None)
            if request is None:
                self._wake.clear()
                await self._wake.wait()
                continue
            try:
                await self._serve(request)
            except Exception as error:
                self._fail_request(request, error)
            self._requests.pop(request.request_id, None)

    async def _serve(self, request: TtsRequest) -> None:
        while not request.dead:
            if request.has_clauses and not self._speaking:
                self._prepare(request, await self._loaded_chain())
            if self._speaking:
                await self._send_clause(request, self._speaking[0])
            elif request.is_complete:
                self._send_tail(request)
                self._end_request(request, names.REASON_REQUEST_END)
                return
            else:
                await request.changed()

    async def _loaded_chain(self) -> SpeechChain:
        """Text may come before the engine is loaded; it waits here, until it is clear how the first attempt ended."""
        if self._chain is None or self._chain.best() is None:
            await self._loading.wait()
        if self._chain is None or self._chain.best() is None:
            raise RuntimeError(self._load_problem or "the voice is not loaded")
        return self._chain

    def _prepare(self, request: TtsRequest, chain: SpeechChain) -> None:
        """Put the next text into the engine's queue, behind what sounds now."""
        first = not request.clauses_spoken
        text = request.take_group()
        if text is None:
            return
        options = request_options({**self._options, **request.options}, speculative=request.is_draft)
        spoken = SpeechRequest(text, options, first, request.is_complete)
        self._speaking.append(ClauseSpeech(chain, spoken, self.settings.chunk_timeout_ms, self._lead_ms))

    async def _send_clause(self, request: TtsRequest, speech: ClauseSpeech) -> None:
        start_ms = request.sent_ms
        had_words = False
        async for chunk, rate_hz in speech.chunks():
            if request.dead:
                return
            had_words |= bool(chunk.words)
            self._send_chunk(request, chunk, rate_hz, start_ms)
            if len(self._speaking) == 1 and self._chain is not None:
                self._prepare(request, self._chain)
            await self._keep_lead()
        if request.dead:
            return
        self._speaking.remove(speech)
        if not had_words and request.sent_ms > start_ms:
            self._send_text_result(request, speech.request.text, start_ms, request.sent_ms - start_ms, [])

    def _send_chunk(self, request: TtsRequest, chunk: SpeechChunk, rate_hz: int, clause_start_ms: float) -> None:
        if request.resampler is None or request.resampler.from_hz != rate_hz:
            self._send_tail(request)
            request.resampler = StreamResampler(rate_hz, self._output_rate_hz(rate_hz))
        self._send_pcm(request, request.resampler.process(to_pcm16(np.asarray(chunk.pcm))))
        if chunk.words and self.settings.enable_words:
            words: list[dict[str, Any]] = [
                {"word": w.text, "start_ms": round(clause_start_ms + w.start_ms), "duration_ms": w.duration_ms}
                for w in chunk.words
            ]
            duration_ms = words[-1]["start_ms"] + words[-1]["duration_ms"] - words[0]["start_ms"]
            text = " ".join(w.text for w in chunk.words)
            self._send_text_result(request, text, words[0]["start_ms"], duration_ms, words)
        if chunk.visemes:
            visemes = [
                {
                    "viseme": v.viseme,
                    "phoneme": v.phoneme,
                    "start_ms": round(clause_start_ms + v.start_ms),
                    "duration_ms": v.duration_ms,
                }
                for v in chunk.visemes
            ]
            body = {"request_id": request.request_id, "visemes": visemes, "metadata": request.metadata}
            self.send_data(names.TTS_VISEMES, body)

    def _send_tail(self, request: TtsRequest) -> None:
        if request.resampler is not None:
            self._send_pcm(request, request.resampler.flush())

    def _send_pcm(self, request: TtsRequest, pcm: Pcm16) -> None:
        """Synchronous on purpose: no flush can come between the check and the send."""
        if request.dead or not len(pcm):
            return
        assert request.resampler is not None
        rate_hz = request.resampler.to_hz
        first = request.audio_started_ms is None
        if first:
            request.audio_started_ms = clock.now_ms()
            self.send_data(names.TTS_AUDIO_START, {"request_id": request.request_id, "metadata": request.metadata})
        raw = pcm.tobytes()
        timestamp_ms = round(request.sent_ms)
        frame = messages.pcm_frame(raw, rate_hz, metadata_json=request.metadata_json, timestamp_ms=timestamp_ms)
        self.post(self.env.send_audio_frame(frame))
        length_ms = len(pcm) * 1000.0 / rate_hz
        request.sent_ms += length_ms
        self._ear_ends_ms = max(self._ear_ends_ms, clock.now_ms()) + length_ms
        if first:
            # After everybody who waits for this sound had their turn, but before the end of the request.
            request.ttfb_ms = clock.now_ms() - request.created_ms
            asyncio.get_running_loop().call_soon(self._report_ttfb, request)
        if self.settings.dump:
            self._dump(request, raw)

    def _report_ttfb(self, request: TtsRequest) -> None:
        if request.ttfb_ms is not None and not self._stopping:
            ttfb_ms, request.ttfb_ms = request.ttfb_ms, None
            self.report_metrics({"ttfb": round(ttfb_ms)}, request_id=request.request_id, metadata=request.metadata)

    def _lead_ms(self) -> float:
        return max(0.0, self._ear_ends_ms - clock.now_ms())

    async def _keep_lead(self) -> None:
        """Do not run further ahead of the ear than `max_lead_ms`: a barge-in would throw it away."""
        ahead_ms = self._lead_ms()
        if ahead_ms > self.settings.max_lead_ms:
            await clock.sleep_ms(ahead_ms - self.settings.max_lead_ms)

    def _send_text_result(
        self, request: TtsRequest, text: str, start_ms: float, duration_ms: float, words: list[dict[str, Any]]
    ) -> None:
        body = {
            "request_id": request.request_id,
            "text": text,
            "start_ms": round(start_ms),
            "duration_ms": round(duration_ms),
            "words": words,
            "metadata": request.metadata,
        }
        self.send_data(names.TTS_TEXT_RESULT, body)

    # --- ending ---------------------------------------------------------------------------------------------------

    def _end_request(self, request: TtsRequest, reason: int) -> None:
        self._close_request_files(request)
        self._report_ttfb(request)
        started_ms = request.audio_started_ms
        interval_ms = clock.now_ms() - started_ms if started_ms is not None else 0.0
        end = {
            "request_id": request.request_id,
            "request_event_interval_ms": round(interval_ms),
            "request_total_audio_duration_ms": round(request.sent_ms),
            "reason": reason,
            "metadata": request.metadata,
        }
        self.send_data(names.TTS_AUDIO_END, end)

    def _fail_request(self, request: TtsRequest, error: Exception) -> None:
        self._stop_speaking()
        if request.dead:
            return
        request.kill()
        code = self._load_code if self._load_problem else names.CODE_NON_FATAL
        self.report_error(code, str(error), request_id=request.request_id, metadata=request.metadata)
        self._end_request(request, names.REASON_ERROR)

    def _close_request_files(self, request: TtsRequest) -> None:
        if request.dump is not None:
            request.dump.close()

    def _dump(self, request: TtsRequest, raw: bytes) -> None:
        if request.dump is None:
            name = f"{self.vendor or self.name}_dump_{safe_name(request.request_id)}"
            request.dump = PcmDump(self.settings.dump_path, name)
        request.dump.write(raw)

    def _output_rate_hz(self, engine_rate_hz: int) -> int:
        """`params.sample_rate`, where the configuration has one; otherwise the engine's own."""
        params = getattr(self.settings, "params", None)
        wanted = params.get("sample_rate") if isinstance(params, dict) else getattr(params, "sample_rate", 0)
        return int(wanted or engine_rate_hz)
