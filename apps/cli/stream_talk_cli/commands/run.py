"""`stream-talk run`: start the TEN app with a graph."""

from __future__ import annotations

import argparse
import importlib.util
import sys
from pathlib import Path
from typing import Any

from stream_talk.graph import find_graph
from stream_talk.graph.check import check_file, nodes

from stream_talk_cli.browser import open_when_ready
from stream_talk_cli.errors import CommandError
from stream_talk_cli.launch import Plan, app_property, make_plan, prepare_imports, run_app
from stream_talk_cli.main import main

HELP = "start the app: the gateway with a conversation graph, or a graph that runs by itself"
DEFAULT_GRAPH = "embedded"
LEVELS = ("debug", "info", "warn", "error")
# Without these a node cannot even be created. What else `graph check` finds is said, and left to the runtime.
_NECESSARY = (nodes.unknown_addons, nodes.environment)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("graph_name", nargs="?", metavar="GRAPH", help=f"graph file or name (default: {DEFAULT_GRAPH})")
    parser.add_argument("--graph", metavar="GRAPH", help="the same as an option")
    parser.add_argument("--host", help="address the gateway listens on (default: as in graphs/gateway.json)")
    parser.add_argument("--port", type=int, help="port the gateway listens on")
    parser.add_argument("--token", help="what clients must present; needed when the address is not the loopback")
    parser.add_argument("--tls-self-signed", action="store_true", help="HTTPS with a certificate made on the spot")
    parser.add_argument("--tls-certificate", metavar="FILE", help="HTTPS with this certificate")
    parser.add_argument("--tls-key", metavar="FILE", help="key of the certificate")
    parser.add_argument("--no-browser", action="store_true", help="do not open the page")
    parser.add_argument(
        "--once", action="store_true", help="no gateway: play one bundled question, write reply.wav, and leave"
    )
    parser.add_argument(
        "--log-level", choices=LEVELS, default="", help="least severe log lines to show (default: property.json)"
    )


def run(args: argparse.Namespace) -> int:
    graph_file = find_graph(args.graph or args.graph_name or DEFAULT_GRAPH)
    if args.once:
        return main(["talk", "--once", "--graph", str(graph_file)])
    prepare_imports(graph_file)
    plan = make_plan(graph_file, _gateway_settings(args))
    for file in dict.fromkeys((graph_file, plan.file)):
        _preflight(file)
    properties = app_property(plan.graph, args.log_level)
    _say(plan, graph_file)
    called_off = open_when_ready(plan.url) if plan.url is not None and not args.no_browser else None
    try:
        failure = run_app(properties)
    finally:
        if called_off is not None:
            called_off.set()
    if failure is not None:
        raise CommandError(f"{plan.file}: {failure}")
    return 0


def _gateway_settings(args: argparse.Namespace) -> dict[str, Any]:
    if args.tls_self_signed and importlib.util.find_spec("cryptography") is None:
        raise CommandError(
            "--tls-self-signed needs: pip install 'stream-talk[tls]' (scripts/start brings it by itself)"
        )
    settings = {
        "host": args.host,
        "port": args.port,
        "token": args.token,
        "tls_self_signed": args.tls_self_signed or None,
        "tls_certificate": _absolute(args.tls_certificate),
        "tls_key": _absolute(args.tls_key),
    }
    return {key: value for key, value in settings.items() if value is not None}


def _absolute(file: str | None) -> str | None:
    return str(Path(file).resolve()) if file else None


def _preflight(file: Path) -> None:
    """Tells what would go wrong before anything starts."""
    necessary = check_file(file, checks=_NECESSARY)
    if necessary:
        raise CommandError("\n".join(problem.line() for problem in necessary))
    for problem in check_file(file):
        print(f"note: {problem.line()}", file=sys.stderr)


def _say(plan: Plan, graph_file: Path) -> None:
    if plan.url is not None:
        print(f"Stream-Talk ({graph_file.stem}) at {plan.url}  (Ctrl-C stops it)", flush=True)
    else:
        print(f"Running {graph_file.name}  (Ctrl-C stops it)", flush=True)
