"""`stream-talk doctor`: what this machine has, which graphs run here now, and which would after which command."""

from __future__ import annotations

import argparse
import json
import platform
import sys
from dataclasses import asdict, replace
from typing import Any

from stream_talk.engines import environments
from stream_talk.graph import Offer, find_graph, offered_graphs
from stream_talk.models import catalog, store
from stream_talk.paths import data_dir, environments_dir, memory_file, models_dir

from stream_talk_cli.doctor import machine, servers
from stream_talk_cli.doctor.needs import HARDWARE, Here, unmet
from stream_talk_cli.engines.recipes import RECIPES

HELP = "say what runs on this machine, and what each graph still needs"
DEFAULT_PORT = 8017


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--graph", metavar="G", help="look at this graph only; exit code 1 when it cannot run here")
    parser.add_argument("--json", action="store_true")


def run(args: argparse.Namespace) -> int:
    report = examine(args.graph)
    if args.json:
        print(json.dumps(report, indent=2, ensure_ascii=False))
    else:
        _print(report)
    return 1 if args.graph and not all(graph["runs_here"] for graph in report["graphs"]) else 0


def examine(only: str | None = None) -> dict[str, Any]:
    offers = offered_graphs()
    if only is not None:
        path = find_graph(only).resolve()
        offers = [offer for offer in offers if offer.path.resolve() == path]
    memory_gb = machine.memory_gb()
    running = servers.look()
    here = Here(bool(machine.cuda()), machine.is_apple_silicon(), running)
    return {
        "machine": {
            "system": platform.platform(),
            "python": sys.version.split()[0],
            "cores": machine.cores(),
            "memory_gb": round(memory_gb, 1) if memory_gb else None,
            "cuda": machine.cuda(),
            "apple_silicon": machine.is_apple_silicon(),
            "port_free": machine.port_is_free(DEFAULT_PORT),
        },
        "audio": machine.audio_devices(),
        "places": {
            "data": str(data_dir()), "memory": str(memory_file()), "models": str(models_dir()), "engines": str(environments_dir()),
        },
        "servers": [asdict(server) for server in running],
        "models": [m.name for m in catalog.MODELS if store.is_installed(m.name)],
        "engines": [recipe.name for recipe in RECIPES if environments.is_installed(recipe.name)],
        "graphs": [_verdict(offer, here) for offer in offers],
    }  # fmt: skip


def _verdict(offer: Offer, here: Here) -> dict[str, Any]:
    return replace(offer, obstacles=(*unmet(offer.path, here), *offer.obstacles)).to_dict()


def _line(good: bool, text: str, remedy: str = "") -> None:
    print(f"  {'yes' if good else 'no ':<4} {text}")
    if not good and remedy:
        print(f"         -> {remedy}")


def _by_remedy(obstacles: list[dict[str, str]]) -> list[tuple[str, str]]:
    """One line for all that one command brings."""
    grouped: dict[str, list[str]] = {}
    for obstacle in obstacles:
        stage = "" if "[" in obstacle["where"] else obstacle["where"]
        grouped.setdefault(obstacle["remedy"], []).append(
            f"{stage}: {obstacle['problem']}" if stage else obstacle["problem"]
        )
    lines = []
    for remedy, problems in grouped.items():
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        lines.append((problems[0] + more, remedy))
    return lines


def _print(report: dict[str, Any]) -> None:
    found = report["machine"]
    print("Machine")
    print(f"  {found['system']}, Python {found['python']}, {found['cores']} cores, {found['memory_gb'] or '?'} GB")
    _line(bool(found["cuda"]), f"CUDA GPU {', '.join(found['cuda'])}".rstrip(), "graphs for the CPU run without one")
    _line(found["apple_silicon"], "Apple Silicon (MLX)", "only on a Mac with an M chip")
    audio = report["audio"]
    _line(
        audio["available"],
        f"sound devices for the terminal: {', '.join(audio.get('devices', [])) or audio.get('problem')}",
        audio.get("remedy", ""),
    )
    _line(
        found["port_free"],
        f"port {DEFAULT_PORT} free",
        f"another program uses it; stream-talk run --port {DEFAULT_PORT + 1}",
    )
    print("\nLanguage models")
    for server in report["servers"]:
        models = ", ".join(server["models"][:6]) or "none loaded"
        _line(
            server["running"],
            f"{server['name']} at {server['base_url']}" + (f": {models}" if server["running"] else ""),
            server["remedy"],
        )
    print("\nGraphs")
    for graph in report["graphs"]:
        _line(graph["runs_here"], f"{graph['name']}: {graph.get('title', {}).get('en', '')}".rstrip(": "))
        obstacles = graph["obstacles"]
        if len(report["graphs"]) > 1 and any(obstacle["problem"] in HARDWARE for obstacle in obstacles):
            # What else it needs is of no use here; --graph and --json tell all.
            obstacles = [obstacle for obstacle in obstacles if obstacle["problem"] in HARDWARE]
        for problems, remedy in _by_remedy(obstacles):
            print(f"         {problems}")
            if remedy:
                print(f"         -> {remedy}")
    print("\nPlaces")
    for name, path in report["places"].items():
        print(f"  {name:<8} {path}")
    if report["models"] or report["engines"]:
        print(
            f"\nFetched models: {', '.join(report['models']) or 'none'}; engine environments: {', '.join(report['engines']) or 'none'}"
        )
