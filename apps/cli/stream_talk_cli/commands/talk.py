"""`stream-talk talk`: play recordings through a whole conversation graph, and write down everything that came of it."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from stream_talk.graph import FlatGraph, Node, attach_host, find_graph, resolve_graph
from stream_talk.graph.check import check_file, nodes

from stream_talk_cli.errors import CommandError
from stream_talk_cli.launch import app_property, prepare_imports, run_app
from stream_talk_cli.question import QUESTION, bundled_question

HELP = "talk with a graph by recordings: WAV files in, both sides of the conversation out"
DEFAULT_GRAPH = "embedded"
HOST_NODE = "wav_io"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--graph", default=DEFAULT_GRAPH, help=f"graph file or name (default: {DEFAULT_GRAPH})")
    parser.add_argument(
        "--wav",
        action="append",
        dest="says",
        default=[],
        metavar="FILE",
        help="what the person says: a WAV or PCM file, a directory of WAV files, or - for PCM on standard input; several make one "
        "conversation. FILE@1500 starts 1.5 s after the reply to the previous one began: an interruption",
    )
    parser.add_argument(
        "--text", action="append", dest="says", type="text:{}".format, metavar="TEXT", help="what the person types"
    )
    parser.add_argument(
        "--once", action="store_true", help="use a bundled question instead of --wav, and write reply.wav"
    )
    parser.add_argument(
        "--out", metavar="FILE", help="two channels, time-aligned: the person left, the assistant right"
    )
    parser.add_argument("--trace", metavar="FILE", help="JSON: transcript, one trace per turn, and all messages")
    parser.add_argument(
        "--virtual", action="store_true", help="simulated time: as fast as the engines can, the same way every time"
    )
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.add_argument("--lang", default="", help="the person's language, for example zh-CN")
    parser.add_argument(
        "--remember", action="store_true", help="let the graph's memory load and keep this conversation"
    )
    parser.add_argument("--reply-timeout", type=float, default=15.0, metavar="S", help="give a turn up after this long")
    parser.add_argument("--log-level", choices=("debug", "info", "warn", "error"), default="error")


def run(args: argparse.Namespace) -> int:
    if not args.says and not args.once:
        raise CommandError("nothing to say: give --wav FILE, --text TEXT, or --once for a bundled question")
    for written in filter(None, (args.out, args.trace)):
        if not Path(written).resolve().parent.is_dir():
            raise CommandError(f"there is no directory {Path(written).parent}")
    graph_file = find_graph(args.graph)
    prepare_imports(graph_file)
    problems = check_file(graph_file, checks=(nodes.unknown_addons, nodes.environment))
    if problems:
        raise CommandError("\n".join(problem.line() for problem in problems))
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="stream-talk-")))
        graph = resolve_graph(graph_file)
        inputs = [_existing(entry) for entry in args.says] or [_question(graph, scratch)]
        out = args.out or ("reply.wav" if args.once else "")
        log = scratch / "messages.jsonl"
        _say(args, f"Talking with {graph_file.name}" + (" in simulated time" if args.virtual else "") + " …")
        _converse(args, graph, inputs, out, log)
        result = summary(read_messages(log), out)
    if args.trace:
        Path(args.trace).write_text(json.dumps(result, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    if args.json:
        print(json.dumps({k: v for k, v in result.items() if k != "messages"}, ensure_ascii=False))
    elif out:
        print(f"Both sides of the conversation: {out}")
    return 0 if any(turn["role"] == "assistant" for turn in result["transcript"]) else 1


def _question(graph: FlatGraph, scratch: Path) -> str:
    """Spoken where the graph listens, typed where it does not."""
    listens = any(port.kind == "audio_frame" and port.direction == "in" for port in graph.exposed_messages)
    return str(bundled_question(scratch)) if listens else f"text:{QUESTION}"


def _button(graph: FlatGraph) -> str:
    """What the person presses in this graph's mode."""
    modes = {str(node.property.get("mode")) for node in graph.nodes if node.addon == "main_control_python"}
    if "push_to_talk" in modes:
        return "push_to_talk"
    return "commit" if "manual" in modes else "none"


def _converse(args: argparse.Namespace, graph: FlatGraph, inputs: list[str], out: str, log: Path) -> None:
    host = {
        "inputs": inputs,
        "button": _button(graph),
        "output": str(Path(out).resolve()) if out else "",
        "messages_file": str(log),
        "progress": "none" if args.json else "text",
        "reply_timeout_ms": args.reply_timeout * 1000.0,
        "hello": {"incognito": not args.remember, **({"lang": args.lang} if args.lang else {})},
    }
    node = Node(name=HOST_NODE, addon="wav_io_python", property=host)
    if args.virtual:
        os.environ["TEN_VIRTUAL_CLOCK"] = "1"
    failure = run_app(app_property(attach_host(graph, node), args.log_level))
    if failure is not None:
        raise CommandError(f"{args.graph}: {failure}")


def _existing(entry: str) -> str:
    if entry.startswith("text:"):
        return entry
    path, at, offset = entry.rpartition("@")
    file = path if at and offset.isdigit() else entry
    if file != "-" and not Path(file).exists():
        raise CommandError(f"there is no file {file}")
    if Path(file).is_dir() and not any(p.suffix.lower() == ".wav" for p in Path(file).iterdir()):
        raise CommandError(f"there are no WAV files in {file}")
    return str(Path(file).resolve()) + (f"@{offset}" if file != entry else "") if file != "-" else entry


def _say(args: argparse.Namespace, text: str) -> None:
    if not args.json:
        print(text, flush=True)


def read_messages(log: Path) -> list[dict[str, Any]]:
    if not log.exists():
        print("the graph said nothing", file=sys.stderr)
        return []
    return [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]


def summary(messages: list[dict[str, Any]], out: str) -> dict[str, Any]:
    """Transcript (what was really heard), one trace per turn, and the messages themselves."""
    transcript = []
    for message in messages:
        if message["type"] == "user_text" and message.get("final"):
            transcript.append({"role": "user", "text": message["text"], "turn_id": message["turn_id"]})
        elif message["type"] == "heard" and message.get("heard_text"):
            entry = {"role": "assistant", "text": message["heard_text"], "turn_id": message["turn_id"]}
            transcript.append({**entry, "interrupted": bool(message.get("interrupted"))})
    turns = [{"turn_id": m["turn_id"], **m["trace"]} for m in messages if m["type"] == "turn"]
    return {"transcript": transcript, "turns": turns, "out": out, "messages": messages}
