"""OpenAI's REST endpoints for voices and ears: `/v1/audio/speech`, `/v1/audio/transcriptions`, `/v1/models`, `/v1/voices`."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Annotated, Any, Literal

import numpy as np
from fastapi import APIRouter, File, Form, UploadFile
from fastapi.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from pydantic import BaseModel, Field
from stream_talk.audio.resample import StreamResampler
from stream_talk.wire.realtime.session_object import OPENAI_VOICES

from .. import audio_files, stages, transcripts
from ..audio_files import BadAudio
from ..gateway import Gateway
from ..stages import Sound, StageFailed

RATE_HZ = 24_000
MAX_UPLOAD_BYTES = 25 * 1024 * 1024
MAX_SECONDS = 30 * 60.0
_CREATED = 1_700_000_000


class SpeechBody(BaseModel):
    model: Annotated[str, Field(max_length=200)] = ""
    input: Annotated[str, Field(min_length=1, max_length=4_096)]
    voice: str | dict[str, str] = ""
    response_format: Literal["mp3", "opus", "aac", "flac", "wav", "pcm"] = "mp3"
    speed: Annotated[float, Field(ge=0.25, le=4.0)] = 1.0
    stream_format: Literal["audio", "sse"] = "audio"

    def options(self) -> dict[str, Any]:
        voice = self.voice.get("id", "") if isinstance(self.voice, dict) else self.voice
        chosen = {"voice": voice} if voice and voice not in OPENAI_VOICES else {}
        return {**chosen, "rate": self.speed}


def refusal(status: int, message: str, *, param: str | None = None, code: str | None = None) -> JSONResponse:
    kind = "invalid_request_error" if status < 500 else "server_error"
    return JSONResponse({"error": {"message": message, "type": kind, "param": param, "code": code}}, status_code=status)


def router(gateway: Gateway) -> APIRouter:
    routes = APIRouter(tags=["OpenAI REST"])

    def graph_of(model: str) -> str:
        """A model is a graph; unknown names (`tts-1`, `whisper-1`) mean the server's own choice."""
        offered = {offer.name for offer in gateway.catalog if offer.available}
        return model if model in offered else gateway.config.default_graph

    @routes.post("/v1/audio/speech", summary="Text to speech, streamed as it is made")
    async def speech(body: SpeechBody) -> Response:
        sound = _pcm_at(stages.speak(gateway.stages, graph_of(body.model), body.input, options=body.options()))
        encoded = audio_files.encode(sound, body.response_format, RATE_HZ)
        try:
            # The first piece decides: an engine that fails before it is told by the status, not by a broken file.
            first = await anext(encoded, b"")
        except BadAudio as bad:
            return refusal(400, str(bad), param="response_format")
        except StageFailed as failure:
            return refusal(500, str(failure))
        if body.stream_format == "sse":
            events = _told_when_broken(_as_events(first, encoded, len(body.input)))
            return StreamingResponse(events, media_type="text/event-stream")
        return StreamingResponse(_rest(first, encoded), media_type=audio_files.CONTENT_TYPES[body.response_format])

    @routes.post("/v1/audio/transcriptions", summary="Speech to text")
    async def transcriptions(
        file: Annotated[UploadFile, File()],
        model: Annotated[str, Form()] = "",
        language: Annotated[str, Form()] = "",
        response_format: Annotated[str, Form()] = "json",
        stream: Annotated[bool, Form()] = False,
    ) -> Response:
        if response_format not in transcripts.FORMATS:
            return refusal(400, f"response_format is one of {', '.join(transcripts.FORMATS)}", param="response_format")
        data = await file.read(MAX_UPLOAD_BYTES + 1)
        if len(data) > MAX_UPLOAD_BYTES:
            return refusal(413, f"the file is larger than {MAX_UPLOAD_BYTES // 1024 // 1024} MB", param="file")
        try:
            pcm = await audio_files.decode(data, max_seconds=MAX_SECONDS)
        except BadAudio as bad:
            return refusal(400, str(bad), param="file")
        results = stages.transcribe(gateway.stages, graph_of(model), pcm, language=language)
        if stream:
            try:
                # The first result decides: an ear that cannot be had is told by the status.
                first = await anext(results, None)
            except StageFailed as failure:
                return refusal(500, str(failure))
            events = transcripts.as_events(_with_first(first, results))
            return StreamingResponse(_told_when_broken(events), media_type="text/event-stream")
        try:
            finals = [result async for result in results if result.get("final")]
        except StageFailed as failure:
            return refusal(500, str(failure))
        body = transcripts.render(finals, response_format, duration_s=len(pcm) / 2 / audio_files.TARGET_RATE_HZ)
        return PlainTextResponse(body) if isinstance(body, str) else JSONResponse(body)

    @routes.get("/v1/models", summary="The graphs on offer, as models")
    async def models() -> dict[str, Any]:
        return {"object": "list", "data": [_model(offer.name) for offer in gateway.catalog if offer.available]}

    @routes.get("/v1/models/{name:path}", summary="One of them")
    async def model(name: str) -> Any:
        if name not in {offer.name for offer in gateway.catalog if offer.available}:
            return refusal(404, f"The model '{name}' does not exist", param="model", code="model_not_found")
        return _model(name)

    @routes.get("/v1/voices", summary="The voices of a graph")
    async def voices(graph: str = "") -> Any:
        try:
            return {
                "object": "list",
                "data": await stages.voices(gateway.stages, graph or gateway.config.default_graph),
            }
        except StageFailed as failure:
            return refusal(500, str(failure))

    return routes


def _model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": _CREATED, "owned_by": "stream-talk"}


async def _pcm_at(items: AsyncIterator[Any]) -> AsyncIterator[bytes]:
    """The sound alone, at the rate that clients of this endpoint expect."""
    resampler: StreamResampler | None = None
    async with aclosing(items):  # type: ignore[type-var]
        async for item in items:
            if not isinstance(item, Sound):
                continue
            if item.sample_rate_hz == RATE_HZ:
                yield item.pcm
                continue
            resampler = resampler or StreamResampler(item.sample_rate_hz, RATE_HZ)
            yield resampler.process(np.frombuffer(item.pcm, dtype=np.int16)).tobytes()
    if resampler is not None:
        yield resampler.flush().tobytes()


async def _rest(first: bytes, encoded: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for piece in encoded:
        yield piece


async def _as_events(first: bytes, encoded: AsyncIterator[bytes], characters: int) -> AsyncIterator[str]:
    async for piece in _rest(first, encoded):
        if piece:
            yield _event({"type": "speech.audio.delta", "audio": base64.b64encode(piece).decode()})
    usage = {"input_tokens": characters, "output_tokens": 0, "total_tokens": characters}
    yield _event({"type": "speech.audio.done", "usage": usage})


async def _with_first(first: Any, others: AsyncIterator[Any]) -> AsyncIterator[Any]:
    if first is not None:
        yield first
    async for other in others:
        yield other


async def _told_when_broken(events: AsyncIterator[str]) -> AsyncIterator[str]:
    """Once a stream has begun, its failure can only be told inside it."""
    try:
        async for event in events:
            yield event
    except StageFailed as failure:
        yield _event({"error": {"message": str(failure), "type": "server_error", "param": None, "code": None}})


def _event(body: dict[str, Any]) -> str:
    return f"data: {json.dumps(body)}\n\n"
