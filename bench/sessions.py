"""`stream-talk bench sessions`: many conversations at once, and what the gateway adds to one."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import time
from typing import Any

import numpy as np

from bench.gateway_load import faults, measures
from bench.gateway_load.server import GatewayProcess

HELP = "sessions: what the gateway adds, conversations at once, idle cost, vanishing, slow and hostile clients"
ROWS = ("added", "stop", "concurrent", "idle", "vanish", "slow", "fuzz")
VADS = {"silero": "listening-silero", "ten": "listening"}
SEND_BUFFER_BYTES = 2 << 20
# The question is how many it carries and what they leave behind, not how many it lets in.
OPEN_DOORS = {"max_sessions": 1000, "max_loop_lag_ms": 10_000, "max_queue_ms": 1e9}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rows", nargs="+", choices=ROWS, default=list(ROWS), metavar="ROW", help=" ".join(ROWS))
    parser.add_argument("--sessions", type=int, nargs="+", default=[20, 40, 60, 80], help="conversations at once")
    parser.add_argument(
        "--vad", choices=VADS, default="silero", help="who listens in concurrent (default: %(default)s)"
    )
    parser.add_argument("--seconds", type=float, default=20.0, help="of each measurement under load")
    parser.add_argument("--cycles", type=int, default=5000, help="clients that vanish")
    parser.add_argument("--messages", type=int, default=10_000, help="malformed messages")
    parser.add_argument("--json", action="store_true")


def run(args: argparse.Namespace) -> int:
    report: dict[str, Any] = {"machine": _machine()}
    for row in args.rows:
        started = time.perf_counter()
        report[row] = _MEASURES[row](args)
        if not args.json:
            print(f"{row} ({time.perf_counter() - started:.0f} s)\n{json.dumps(report[row], indent=2)}", flush=True)
    if args.json:
        print(json.dumps(report, indent=2))
    return 0


def _machine() -> dict[str, Any]:
    return {"cpus": os.cpu_count(), "load_before": [round(value, 2) for value in os.getloadavg()]}


def _added(_args: argparse.Namespace) -> Any:
    with GatewayProcess("loopback") as server:
        return asyncio.run(measures.added_latency(server, 300))


def _stop(_args: argparse.Namespace) -> Any:
    with GatewayProcess("loopback") as server:
        return asyncio.run(measures.stop_latency(server, 200))


def _concurrent(args: argparse.Namespace) -> Any:
    found = []
    for sessions in args.sessions:
        with GatewayProcess(VADS[args.vad], admission=OPEN_DOORS) as server:
            found.append(asyncio.run(measures.concurrent(server, sessions, args.seconds, _voice())))
    return found


def _idle(args: argparse.Namespace) -> Any:
    with GatewayProcess("listening") as server:
        return asyncio.run(measures.idle_cpu(server, 40, min(20.0, args.seconds)))


def _vanish(args: argparse.Namespace) -> Any:
    settings = {"resume_window_ms": 500, "ping_interval_s": 1.0, "ping_timeout_s": 1.0, "admission": OPEN_DOORS}
    with GatewayProcess("loopback", **settings) as server:
        return asyncio.run(faults.vanish_cycles(server, args.cycles))


def _slow(_args: argparse.Namespace) -> Any:
    with GatewayProcess("loopback", send_buffer_bytes=SEND_BUFFER_BYTES) as server:
        return asyncio.run(faults.slow_client(server, SEND_BUFFER_BYTES))


def _fuzz(args: argparse.Namespace) -> Any:
    with GatewayProcess("loopback", resume_window_ms=500, admission=OPEN_DOORS) as server:
        return asyncio.run(faults.fuzz(server, args.messages))


_MEASURES = {
    "added": _added,
    "stop": _stop,
    "concurrent": _concurrent,
    "idle": _idle,
    "vanish": _vanish,
    "slow": _slow,
    "fuzz": _fuzz,
}


def _voice() -> np.ndarray[Any, np.dtype[np.int16]]:
    """Recorded speech where it is installed, otherwise noise that comes and goes like it."""
    from bench import recorded_speech

    if recorded_speech.missing() is None:
        return np.concatenate([recorded_speech.pcm(prompt) for prompt in recorded_speech.prompts()[:20]])
    rng = np.random.default_rng(0)
    envelope = (np.sin(np.arange(16_000 * 30) / 16_000 * 2) > 0) * 3000
    return (rng.standard_normal(len(envelope)) * envelope).clip(-32768, 32767).astype(np.int16)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=HELP)
    add_arguments(parser)
    raise SystemExit(run(parser.parse_args()))
