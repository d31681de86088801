"""`stream-talk bench soak`: hours of conversation in simulated time. Flat memory, no lost turn, the same result twice.

A synthetic person asks, interrupts, coughs, agrees and says "stop" for hours, through the real runtime, the stages' bases and the
whole of main_control; only the engines are simulated. Counted: turns that got no answer, words that were not heard, memory.
"""

from __future__ import annotations

import argparse
import gc
import hashlib
import json
import random
import sys
import time
from dataclasses import dataclass, field
from typing import Any

from stream_talk.graph import find_graph
from stream_talk.testing.client_host import Session, run_sessions
from stream_talk.testing.coded_speech import WordCode
from stream_talk.testing.stages import register_test_stages
from stream_talk.testing.stages import test_graph as stage_graph
from stream_talk.testing.synthetic_user import Act, SyntheticUser
from stream_talk.turn.words import words_of
from stream_talk_cli.launch import prepare_imports

HELP = "hours of conversation in simulated time: memory, lost turns, the same result twice"
STORY = "Once upon a time there was a little cat. It lived in the big house by the sea. Every day it went out to fish."
SPOKEN = [
    "what time is it",
    "tell me a story please",
    "no wait I meant another one",
    "mm-hmm",
    "stop",
    "and now again please",
]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--hours", type=float, default=8.0, help="simulated hours (default: 8)")
    parser.add_argument("--once", action="store_true", help="do not repeat the run to compare the results")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")


def run(args: argparse.Namespace) -> int:
    prepare_imports(find_graph("embedded"))
    register_test_stages()
    results = [soak(args.hours, args.seed) for _ in range(1 if args.once else 2)]
    first = results[0]
    same = len({r.digest for r in results}) == 1
    report = {**first.as_dict(), "same_twice": same if len(results) > 1 else None}
    if args.json:
        print(json.dumps(report))
    else:
        for name, value in report.items():
            print(f"{name:28} {value}")
    return 0 if not first.lost_turns and same else 1


@dataclass
class Soak:
    hours: float
    asked: int = 0
    committed: int = 0
    replies: int = 0
    interrupted: int = 0
    notices: int = 0
    duration_ms: float = 0.0
    wall_s: float = 0.0
    rss_mb: list[float] = field(default_factory=list)
    digest: str = ""

    @property
    def lost_turns(self) -> int:
        return self.asked - min(self.committed, self.replies)

    def as_dict(self) -> dict[str, Any]:
        tail = self.rss_mb[len(self.rss_mb) // 4 :]  # allocators and caches fill up in the first quarter
        span_h = self.duration_ms / 3_600_000.0 * 0.75
        slope = (tail[-1] - tail[0]) / span_h if len(tail) > 1 and span_h else 0.0
        return {
            "simulated_hours": round(self.duration_ms / 3_600_000.0, 2),
            "wall_s": round(self.wall_s, 1),
            "turns_asked": self.asked,
            "turns_committed": self.committed,
            "replies_heard": self.replies,
            "interrupted": self.interrupted,
            "lost_turns": self.lost_turns,
            "notices": self.notices,
            "rss_mb_start": self.rss_mb[0] if self.rss_mb else None,
            "rss_mb_end": self.rss_mb[-1] if self.rss_mb else None,
            "rss_slope_mb_per_hour": round(slope, 3),
            "digest": self.digest,
        }


def soak(hours: float, seed: int) -> Soak:
    """One run; the same arguments give the same digest."""
    result = Soak(hours)
    acts = _acts(WordCode([*SPOKEN, STORY]), hours, random.Random(seed), result)
    digest = hashlib.sha256()
    every = max(1, result.asked // 40)

    def watch(_session: Session, body: dict[str, Any]) -> None:
        kind = body.get("type")
        if kind not in ("user_text", "heard", "turn", "notice", "state"):
            return
        digest.update(json.dumps(body, sort_keys=True).encode())
        if kind == "user_text" and body.get("final"):
            result.committed += 1
        elif kind == "heard":
            result.interrupted += bool(body.get("interrupted"))
            result.replies += bool(words_of(str(body.get("heard_text", ""))))
            if result.replies % every == 0:
                gc.collect()
                result.rss_mb.append(resident_mb())
        elif kind == "notice":
            result.notices += 1

    started = time.perf_counter()
    graph = stage_graph(SPOKEN, [STORY], control={"history_max_tokens": 1000})
    user = SyntheticUser(acts, patience_ms=15_000.0)
    (session,) = run_sessions(
        graph, [user], frame_ms=40, max_ms=hours * 3_600_000.0 * 2, keeps_all=False, on_message=watch
    )
    result.duration_ms, result.wall_s, result.digest = (
        session.duration_ms,
        time.perf_counter() - started,
        digest.hexdigest(),
    )
    return result


def _acts(code: WordCode, hours: float, rng: random.Random, result: Soak) -> list[Act]:
    """Enough to do for `hours`; counts the turns that must be answered."""
    acts: list[Act] = []
    spent_ms, limit_ms = 0.0, hours * 3_600_000.0
    while spent_ms < limit_ms:
        acts.append(Act(code.encode(rng.choice(SPOKEN[:2])), after="reply_ends" if acts else "before", delay_ms=900.0))
        result.asked += 1
        spent_ms += 9_500.0
        into_ms = rng.uniform(400.0, 4000.0)
        kind = rng.choice(["none", "cut", "agree", "cough", "stop"])
        if kind == "cut":
            acts.append(Act(code.encode(SPOKEN[2]), after="reply_begins", delay_ms=into_ms))
            result.asked += 1
            spent_ms += 5_000.0
        elif kind == "agree":
            acts.append(Act(code.encode("mm-hmm"), after="reply_begins", delay_ms=into_ms))
        elif kind == "cough":
            acts.append(Act(code.noise(300), after="reply_begins", delay_ms=into_ms))
        elif kind == "stop":
            acts.append(Act(code.encode("stop"), after="reply_begins", delay_ms=into_ms))
            acts.append(Act(code.encode(SPOKEN[5]), delay_ms=1500.0))
            result.asked += 1
            spent_ms += 6_000.0
    return acts


def resident_mb() -> float:
    """Memory of this process now; the peak where the system does not tell."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return round(int(file.read().split()[1]) * 4096 / 1e6, 1)
    except OSError:
        import resource

        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return round(peak / (1e6 if sys.platform == "darwin" else 1e3), 1)
