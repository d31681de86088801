"""`stream-talk graph`: check graph files, and show how they are wired."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from stream_talk.graph import app_home, find_graph, flatten_document, load_document
from stream_talk.graph.check import CHECKS, SOUND_CHECKS, check_file
from stream_talk.graph.drawing import FORMATS, draw
from ten_graph import Problem

HELP = "check graph files, or show their wiring"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    check = actions.add_parser(
        "check", help="report everything that is wrong, one finding per line; exit code 1 if there is any"
    )
    check.add_argument("files", nargs="*", metavar="FILE", help="graph files (default: all of graphs/)")
    check.add_argument(
        "--any-machine", action="store_true", help="leave out what is only missing here: packages, models, variables"
    )
    check.add_argument("--budget", action="store_true", help="predict first sound and memory instead")
    check.add_argument(
        "--reconcile", type=Path, metavar="TRACE", help="with --budget: set a trace of `talk --trace` beside it"
    )
    check.add_argument("--json", action="store_true", help="findings as JSON")
    show = actions.add_parser("show", help="print nodes, ports and edges")
    show.add_argument("file", metavar="FILE", help="graph file, or the name of a graph in graphs/")
    show.add_argument("--format", choices=FORMATS, default="text")


def run(args: argparse.Namespace) -> int:
    return _check(args) if args.action == "check" else _show(args)


def _check(args: argparse.Namespace) -> int:
    files = args.files or [str(path) for path in sorted((app_home() / "graphs").glob("*.json"))]
    if args.budget or args.reconcile:
        return _budget(files, args.reconcile)
    checks = SOUND_CHECKS if args.any_machine else CHECKS
    findings = {file: check_file(_existing(file), checks=checks) for file in files}
    if args.json:
        print(json.dumps(_report(findings), indent=2))
    else:
        for file, problems in findings.items():
            print("\n".join(problem.line() for problem in problems) if problems else f"{file}: ok")
    return 1 if any(findings.values()) else 0


def _budget(files: list[str], trace: Path | None) -> int:
    from stream_talk_cli.budget_report import report
    from stream_talk_cli.doctor import servers

    running = servers.look()
    reports = [report(file, trace, running) for file in files]
    print("\n\n".join(text for text, _ in reports))
    return 0 if all(fits for _, fits in reports) else 1


def _existing(file: str) -> str:
    """A path is taken as it is; a mere name may mean a graph of ours."""
    named = app_home() / "graphs" / f"{file}.json"
    return str(named) if Path(file).name == file and not Path(file).exists() and named.is_file() else file


def _report(findings: dict[str, list[Problem]]) -> dict[str, object]:
    return {
        "ok": not any(findings.values()),
        "files": list(findings),
        "findings": [
            {"file": problem.file, "where": problem.where, "problem": problem.message, "remedy": problem.remedy}
            for problems in findings.values()
            for problem in problems
        ],
    }


def _show(args: argparse.Namespace) -> int:
    path = find_graph(args.file)
    print(draw(flatten_document(load_document(path)), args.format, title=path.name))
    return 0
