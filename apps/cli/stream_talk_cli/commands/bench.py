"""`stream-talk bench`: run one of the measurements in bench/."""

from __future__ import annotations

import argparse
import ast
import importlib
import sys
from pathlib import Path

from stream_talk.graph import app_home

from stream_talk_cli.errors import CommandError

HELP = "measure something, e.g. `stream-talk bench runtime --json`"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", nargs="?", metavar="NAME", help="the benchmark; without it, all are listed")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, metavar="...", help="the benchmark's own arguments")


def run(args: argparse.Namespace) -> int:
    helps = benchmarks(app_home() / "bench")
    if args.name is None:
        print("\n".join(f"{name:<16} {text}" for name, text in helps.items()))
        return 0
    if args.name not in helps:
        raise CommandError(f'there is no benchmark "{args.name}"; there is: {", ".join(helps) or "none"}')
    sys.path.insert(0, str(app_home()))
    module = importlib.import_module(f"bench.{args.name}")
    parser = argparse.ArgumentParser(prog=f"stream-talk bench {args.name}", description=module.HELP)
    module.add_arguments(parser)
    return int(module.run(parser.parse_args(args.arguments)) or 0)


def benchmarks(directory: Path) -> dict[str, str]:
    """Name and help of every benchmark, read without importing: some need packages that are not installed."""
    found: dict[str, str] = {}
    for path in sorted(directory.glob("*.py")):
        for node in ast.parse(path.read_text("utf-8")).body:
            if isinstance(node, ast.Assign) and [ast.unparse(target) for target in node.targets] == ["HELP"]:
                found[path.stem] = str(ast.literal_eval(node.value))
    return found
