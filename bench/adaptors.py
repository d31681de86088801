"""`stream-talk bench adaptors`: what the host adds to an engine's first result, how soon a cancelled engine is free again, and how long a
voice is silent whose worker is killed."""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from pathlib import Path

from bench import crashes

HELP = "adaptors: overhead of inline, thread and process hosts over the bare engine; cancel to idle; a killed worker"
STEP_MS = 10.0
_PLACEMENTS = ("inline", "thread", "process")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--repeats", type=int, default=200)
    parser.add_argument("--json", action="store_true")


def _percentiles(values_ms: list[float]) -> dict[str, float]:
    ordered = sorted(values_ms)
    return {
        name: round(ordered[min(len(ordered) - 1, int(share * len(ordered)))], 3)
        for name, share in (("p50", 0.5), ("p95", 0.95))
    }


async def _measure(placement: str, repeats: int) -> dict[str, dict[str, float]]:
    from stream_talk.engines.host import EngineHost, HostSettings
    from stream_talk.engines.spec import EngineSpec

    spec = EngineSpec.at(Path(__file__).with_name("adaptor_engine.py"), "TimedEngine", {"step_ms": STEP_MS})
    host = EngineHost(spec, HostSettings(placement))  # type: ignore[arg-type]
    await host.load()
    overheads, cancels = [], []
    for _ in range(repeats):
        asked = time.perf_counter()
        async for began, ready in host.stream("one"):
            overheads.append((time.perf_counter() - asked - (ready - began)) * 1000)
    if placement != "inline":  # an inline engine runs on the loop: nobody could cancel it meanwhile
        for _ in range(max(10, repeats // 5)):
            stream = host.stream("steps")
            await stream.__anext__()
            cancelled = time.perf_counter()
            stream.cancel()
            async for began, _ready in host.stream("one"):
                cancels.append((began - cancelled) * 1000)
    host.close()
    return {"overhead_ms": _percentiles(overheads), **({"cancel_to_idle_ms": _percentiles(cancels)} if cancels else {})}


def run(args: argparse.Namespace) -> int:
    result = {placement: asyncio.run(_measure(placement, args.repeats)) for placement in _PLACEMENTS}
    for row, second in (("fallback", True), ("restart", False)):
        waits = asyncio.run(crashes.measure(second, max(5, args.repeats // 10)))
        result[row] = {"killed_to_sound_ms": _percentiles(waits)}
    if args.json:
        print(json.dumps(result, indent=2))
        return 0
    for placement, rows in result.items():
        for name, values in rows.items():
            print(f"{placement:<8} {name.replace('_', ' '):<20} p50 {values['p50']:7.3f}   p95 {values['p95']:7.3f}")
    print(f"(one step of the engine takes {STEP_MS:.0f} ms; a cancel is seen at its end)")
    return 0
