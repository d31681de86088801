"""`stream-talk bench stages`: the local stages one by one, on recorded human speech."""

from __future__ import annotations

import argparse
import importlib
import json

from bench import recorded_speech

HELP = "stages: voice detection, recognition, turn decisions, speech, echo guard and noise, on recorded human speech"
STAGES = {"vad": 60, "asr": 60, "turn": 60, "tts": 40, "echo": 1, "noise": 30}
"""Name and usual number of prompts."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("stage", nargs="*", metavar="STAGE", help=f"{', '.join(STAGES)}; without it, all")
    parser.add_argument("--prompts", type=int, default=0, help="how many recordings (default: 60, tts 40, noise 30)")
    parser.add_argument("--smart-turn-model", default="", metavar="FILE", help="a smart-turn-v3 onnx file for `turn`")
    parser.add_argument("--json", action="store_true")


def run(args: argparse.Namespace) -> int:
    wrong = [name for name in args.stage if name not in STAGES]
    if wrong:
        print(f"there is no stage {wrong[0]!r}; there are {', '.join(STAGES)}")
        return 2
    reason = recorded_speech.missing()
    if reason is not None:
        print(reason)
        return 1
    results = {}
    for name in args.stage or STAGES:
        module = importlib.import_module(f"bench.stage_measures.{name}")
        extra = {"smart_turn_model": args.smart_turn_model} if name == "turn" else {}
        results[name] = module.measure(args.prompts or STAGES[name], **extra)
        if not args.json:
            _show(name, results[name])
    if args.json:
        print(json.dumps(results, indent=2))
    return 0


def _show(stage: str, rows: list[dict[str, object]]) -> None:
    print(f"\n{stage}")
    for row in rows:
        title, *rest = row.items()
        print(f"  {title[1]}")
        for key, value in rest:
            print(f"    {key:<28} {value}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=HELP)
    add_arguments(parser)
    raise SystemExit(run(parser.parse_args()))
