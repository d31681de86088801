"""`stream-talk bench talk`: what the framework adds to a conversation, how fast it falls silent, how many it carries."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import sys
from typing import Any

from bench import recorded_speech

HELP = "talk: overhead from speech end to first sound, barge-in, stop, memory, conversations per core, the whole graph"
ROWS = ("zero", "paced", "barge", "stop", "memory", "load", "events", "outage", "graph")
VADS = {"silero": "silero_vad_python", "ten": "ten_vad_python"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rows", nargs="+", choices=ROWS, default=list(ROWS), metavar="ROW", help=" ".join(ROWS))
    parser.add_argument("--turns", type=int, default=20, help="turns of zero, paced and barge; stops are twice as many")
    parser.add_argument("--vad", choices=VADS, default="silero")
    parser.add_argument("--sessions", type=int, nargs="+", default=[20, 40], help="conversations at once, for load")
    parser.add_argument("--seconds", type=float, default=15.0, help="of each measurement under load")
    parser.add_argument(
        "--outage", type=float, default=60.0, metavar="SECONDS", help="without Redis, in the row outage"
    )
    parser.add_argument("--graph", default="embedded", help="of the row graph")
    parser.add_argument("--prompts", type=int, default=50, help="recordings spoken to the whole graph")
    parser.add_argument("--core", type=int, default=None, help="keep this process on one core")
    parser.add_argument("--json", action="store_true")


def run(args: argparse.Namespace) -> int:
    reason = recorded_speech.missing()
    if reason is not None:
        print(reason, file=sys.stderr)
        return 1
    report = asyncio.run(_measure(args))
    if args.json:
        print(json.dumps(report, indent=2))
    sys.stdout.flush()
    # The app's threads and workers have nothing to say any more, and waiting for them would only lengthen the run.
    os._exit(0)


async def _measure(args: argparse.Namespace) -> dict[str, Any]:
    from stream_talk.graph import find_graph
    from stream_talk_cli.launch import prepare_imports

    prepare_imports(find_graph(args.graph))
    from bench.conversation import measures
    from bench.conversation.events import events, outage
    from bench.conversation.runtime import BenchRuntime

    if args.core is not None:
        measures.pin_to(args.core)
    runtime = BenchRuntime()
    await runtime.start()
    vad = VADS[args.vad]
    report: dict[str, Any] = {"machine": _machine(), "vad": args.vad}

    async def load() -> list[dict[str, Any]]:
        return [await measures.load(runtime, sessions=n, seconds=args.seconds, vad=vad) for n in args.sessions]

    rows: dict[str, Any] = {
        "zero": lambda: measures.response(runtime, paced=False, turns=args.turns, vad=vad),
        "paced": lambda: measures.response(runtime, paced=True, turns=args.turns, vad=vad),
        "barge": lambda: measures.barge_in(runtime, turns=args.turns, vad=vad),
        "stop": lambda: measures.stop_command(runtime, times=2 * args.turns),
        "memory": lambda: measures.memory(runtime, sessions=20, vad=vad),
        "load": load,
        "events": lambda: events(runtime, turns=args.turns, vad=vad),
        "outage": lambda: outage(runtime, seconds=args.outage, turns=args.turns, vad=vad),
        "graph": lambda: measures.whole_graph(runtime, graph=args.graph, prompts=args.prompts),
    }
    for name in args.rows:
        report[name] = await rows[name]()
        if not args.json:
            print(f"{name}\n{json.dumps(report[name], indent=2)}", flush=True)
    await runtime.close()
    report["load_average_after"] = [round(value, 2) for value in os.getloadavg()]
    return report


def _machine() -> dict[str, Any]:
    load = [round(value, 2) for value in os.getloadavg()]
    return {"cpus": os.cpu_count(), "python": platform.python_version(), "load_average_before": load}
