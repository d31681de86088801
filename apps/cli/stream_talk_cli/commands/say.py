"""`stream-talk say`: text to a WAV file, by the `tts` of a graph."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from stream_talk.audio.wav import write_wav
from stream_talk.engines.interfaces import EngineUnavailable, Pcm16
from stream_talk.graph import Node
from stream_talk.graph.variant import merge_trees
from stream_talk.ten import names

from stream_talk_cli.errors import CommandError
from stream_talk_cli.one_stage import Talk, run_stage, stage_of

HELP = "speak a text into a WAV file, with the voice of a graph"
_METADATA = {"session_id": "say", "turn_id": 1, "generation": 1, "request_id": "say"}
_OUT = [names.TTS_AUDIO_START, names.TTS_AUDIO_END, names.TTS_TEXT_RESULT, names.TTS_VISEMES, names.ERROR]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("text", nargs="?", help="what to say; - reads standard input")
    parser.add_argument("--out", metavar="FILE", default="", help="the WAV file to write (default: say.wav)")
    parser.add_argument("--graph", default="embedded", help="graph file or name (default: embedded)")
    parser.add_argument("--node", default="tts", help="the node that speaks (default: tts)")
    parser.add_argument("--voice", help="instead of the graph's voice; --voices lists them")
    parser.add_argument("--rate", type=float, help="1 is normal")
    parser.add_argument("--voices", action="store_true", help="list the voices of the graph's engine")
    parser.add_argument("--timeout", type=float, default=120.0, metavar="S", help="longest silence of the engine")
    parser.add_argument("--json", action="store_true", help="print words, mouth shapes and times as JSON")


def run(args: argparse.Namespace) -> int:
    node = stage_of(args.graph, args.node)
    changes = {key: value for key, value in (("voice", args.voice), ("rate", args.rate)) if value is not None}
    node = _with_params(node, changes)
    if args.voices:
        return _list_voices(node, as_json=args.json)
    text = sys.stdin.read() if args.text == "-" else args.text
    if not text or not text.strip():
        raise CommandError('nothing to say: stream-talk say "Hello there." --out hello.wav')
    out = Path(args.out or "say.wav")
    if not out.parent.is_dir():
        raise CommandError(f"there is no directory {out.parent}")
    result = _speak(node, text, args)
    if not len(result["pcm"]):
        raise CommandError("nothing of this text can be spoken")
    write_wav(out, result["pcm"], result["sample_rate_hz"])
    _report(result, out, as_json=args.json)
    return 0


def _with_params(node: Node, changes: dict[str, Any]) -> Node:
    if not changes:
        return node
    properties = merge_trees(node.property, {"params": changes})
    return Node(node.name, node.addon, node.extension_group, node.app, dict(properties))


def _speak(node: Node, text: str, args: argparse.Namespace) -> dict[str, Any]:
    made: list[Pcm16] = []
    result: dict[str, Any] = {"words": [], "visemes": [], "sample_rate_hz": 0, "first_sound_ms": None}

    async def script(talk: Talk) -> None:
        began = time.perf_counter()
        body = {"request_id": "say", "text": text, "text_input_end": True, "metadata": _METADATA}
        await talk.send_data(names.TTS_TEXT_INPUT, body)
        while True:
            heard = await talk.next(args.timeout, "speech")
            if heard.pcm is not None:
                if result["first_sound_ms"] is None:
                    result["first_sound_ms"] = round((time.perf_counter() - began) * 1000)
                made.append(heard.pcm)
                result["sample_rate_hz"] = heard.sample_rate_hz
                _progress(sum(map(len, made)) / heard.sample_rate_hz, args)
            elif heard.name == names.TTS_TEXT_RESULT:
                result["words"] += heard.body.get("words", [])
            elif heard.name == names.TTS_VISEMES:
                result["visemes"] += heard.body.get("visemes", [])
            elif heard.name == names.ERROR:
                raise CommandError(f"{node.name} ({node.addon}): {heard.body.get('message')}")
            elif heard.name == names.TTS_AUDIO_END:
                return

    run_stage(node, script, data_in=[names.TTS_TEXT_INPUT], data_out=_OUT)
    result["pcm"] = np.concatenate(made) if made else np.zeros(0, np.int16)
    return result


def _progress(seconds: float, args: argparse.Namespace) -> None:
    if not args.json and sys.stderr.isatty():
        print(f"\r{seconds:6.1f} s of speech", end="", file=sys.stderr, flush=True)


def _report(result: dict[str, Any], out: Path, *, as_json: bool) -> None:
    seconds = round(len(result["pcm"]) / result["sample_rate_hz"], 3)
    if as_json:
        shown = {key: value for key, value in result.items() if key != "pcm"}
        print(json.dumps({**shown, "out": str(out), "seconds": seconds}, ensure_ascii=False))
        return
    if sys.stderr.isatty():
        print("\r", end="", file=sys.stderr)
    print(f"{out}: {seconds:.1f} s of speech, first sound {result['first_sound_ms']} ms after the start of the app")


def _list_voices(node: Node, *, as_json: bool) -> int:
    from stream_talk.ten.engine_links import choice_of, extension_class_of
    from stream_talk.ten.tts import TtsExtension

    extension_class = extension_class_of(node.addon, TtsExtension)
    config = extension_class.config_model.model_validate(node.property)
    try:
        voices = asyncio.run(choice_of(extension_class).host(config).call("voices"))
    except EngineUnavailable as error:
        raise CommandError(str(error)) from None
    except AttributeError:
        raise CommandError(f"{node.addon} does not list its voices; its README names them") from None
    if as_json:
        listed = [{"name": v.name, "language": v.language, "description": v.description} for v in voices]
        print(json.dumps(listed, ensure_ascii=False))
    else:
        for voice in sorted(voices, key=lambda voice: (voice.language, voice.name)):
            print(f"{voice.name:<24} {voice.language:<16} {voice.description}")
    return 0
