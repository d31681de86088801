"""`stream-talk transcribe`: a recording to text, by the `stt` of a graph."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from stream_talk.audio.wav import WavError, read_wav
from stream_talk.engines.interfaces import Pcm16
from stream_talk.ten import names
from stream_talk.turn.words import join_segments

from stream_talk_cli.errors import CommandError
from stream_talk_cli.one_stage import Heard, Talk, run_stage, stage_of

HELP = "write down what a recording says, with the recogniser of a graph"
_RATE_HZ = 16000
_FRAME_MS = 100
_METADATA = {"session_id": "transcribe"}
_OUT = [names.ASR_RESULT, names.ASR_FINALIZE_END, names.ERROR, names.CONNECTION_STATUS_CHANGED]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", help="a WAV file, at any rate; - reads one from standard input")
    parser.add_argument("--graph", default="embedded", help="graph file or name (default: embedded)")
    parser.add_argument("--node", default="stt", help="the node that recognises (default: stt)")
    parser.add_argument("--speed", type=float, default=5.0, metavar="X", help="times real time (default: 5)")
    parser.add_argument("--timeout", type=float, default=120.0, metavar="S", help="longest silence of the engine")
    parser.add_argument("--json", action="store_true", help="print segments, words and times as JSON")


def run(args: argparse.Namespace) -> int:
    if not args.speed > 0:
        raise CommandError(f"--speed {args.speed}: give a number above 0")
    pcm = _read(args.file)
    node = stage_of(args.graph, args.node)
    listener = _Listener(f"{node.name} ({node.addon})", as_json=args.json)

    async def script(talk: Talk) -> None:
        await listener.until_loaded(talk, args.timeout)
        sending = asyncio.ensure_future(_send(talk, pcm, args.speed))
        try:
            await listener.until_finalized(talk, args.timeout)
        finally:
            sending.cancel()

    run_stage(node, script, data_in=[names.ASR_FINALIZE], data_out=_OUT)
    listener.report(len(pcm) / _RATE_HZ)
    return 0


def _read(file: str) -> Pcm16:
    try:
        pcm, _ = read_wav(sys.stdin.buffer.read() if file == "-" else Path(file), _RATE_HZ)
    except FileNotFoundError:
        raise CommandError(f"there is no file {file}") from None
    except (WavError, OSError) as error:
        raise CommandError(f"{file}: {error}") from None
    if not len(pcm):
        raise CommandError(f"{file} holds no sound")
    return pcm


async def _send(talk: Talk, pcm: Pcm16, speed: float) -> None:
    step = _RATE_HZ * _FRAME_MS // 1000
    for start in range(0, len(pcm), step):
        await talk.send_audio(pcm[start : start + step], _RATE_HZ, start * 1000 // _RATE_HZ, _METADATA)
        await asyncio.sleep(_FRAME_MS / 1000 / speed)
    await talk.send_data(names.ASR_FINALIZE, {"finalize_id": "end", "metadata": _METADATA})


class _Listener:
    """Collects finals, shows partials while they change, and turns errors into one line."""

    def __init__(self, stage: str, *, as_json: bool) -> None:
        self._stage = stage
        self._as_json = as_json
        self._shows_partials = not as_json and sys.stderr.isatty()
        self.segments: list[dict[str, Any]] = []

    async def until_loaded(self, talk: Talk, timeout_s: float) -> None:
        while True:
            heard = await talk.next(timeout_s, "the recogniser to load")
            self._refuse_errors(heard)
            if heard.name == names.CONNECTION_STATUS_CHANGED and heard.body.get("current") == "connected":
                return

    async def until_finalized(self, talk: Talk, timeout_s: float) -> None:
        while True:
            heard = await talk.next(timeout_s, "the transcript")
            self._refuse_errors(heard)
            if heard.name == names.ASR_FINALIZE_END:
                return
            if heard.name == names.ASR_RESULT:
                self._take(heard.body)

    def _refuse_errors(self, heard: Heard) -> None:
        if heard.name == names.ERROR:
            raise CommandError(f"{self._stage}: {heard.body.get('message')}")

    def _take(self, body: dict[str, Any]) -> None:
        text = str(body.get("text", ""))
        if body.get("final"):
            self._clear_line()
            if text:
                self.segments.append(
                    {key: body[key] for key in ("text", "start_ms", "duration_ms", "language", "words")}
                )
                if not self._as_json:
                    print(f"[{body['start_ms'] / 1000:7.2f} s] {text}", flush=True)
        elif self._shows_partials:
            self._clear_line()
            print(f"  … {text[-100:]}", end="", file=sys.stderr, flush=True)

    def _clear_line(self) -> None:
        if self._shows_partials:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)

    def report(self, seconds: float) -> None:
        text = join_segments(segment["text"] for segment in self.segments)
        if self._as_json:
            print(
                json.dumps({"text": text, "seconds": round(seconds, 3), "segments": self.segments}, ensure_ascii=False)
            )
        elif not text:
            print("no words were understood", file=sys.stderr)
