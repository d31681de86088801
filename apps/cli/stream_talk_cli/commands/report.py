"""`stream-talk report`: one HTML page about the turns that the analytics worker measured."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from stream_talk.memory.errors import MemoryUnavailable
from stream_talk.paths import analytics_file

HELP = "draw latencies, interruptions and errors of past conversations as one HTML page"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--file", type=Path, help="analytics file (default: in the user's data directory)")
    parser.add_argument("--out", type=Path, default=Path("report.html"), help="page to write (default: %(default)s)")
    parser.add_argument("--csv", type=Path, help="also write the turns as CSV")


def run(args: argparse.Namespace) -> int:
    from stream_talk_cli.report.page import render
    from stream_talk_cli.report.turns import read_turns
    from stream_talk_cli.worker.analytics import export_csv, open_analytics

    path = args.file or analytics_file()
    if not path.exists():
        print(f"{path} does not exist; `stream-talk worker analytics` fills it (docs/memory.md).", file=sys.stderr)
        return 1
    try:
        connection = open_analytics(path)
    except MemoryUnavailable as error:
        print(error, file=sys.stderr)
        return 1
    turns = read_turns(connection)
    errors = [(r[0], r[1]) for r in connection.execute("SELECT module, count(*) FROM errors GROUP BY module")]
    args.out.write_text(render(turns, errors), encoding="utf-8")
    print(f"{len(turns)} turns drawn in {args.out}")
    if args.csv:
        print(f"{export_csv(connection, args.csv)} turns written to {args.csv}")
    connection.close()
    return 0
