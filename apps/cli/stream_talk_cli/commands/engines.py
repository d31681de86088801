"""`stream-talk engines`: build the environment of an engine whose pins clash with others', or take it away."""

from __future__ import annotations

import argparse
import json
import sys

from stream_talk.engines import environments
from stream_talk.paths import environments_dir
from ten_graph.errors import did_you_mean

from stream_talk_cli.engines.recipes import RECIPES, Recipe, find
from stream_talk_cli.errors import CommandError

HELP = "install and remove the environments of heavy engines"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="every engine that has an environment of its own")
    listing.add_argument("--json", action="store_true")
    actions.add_parser("install", help="build an engine's environment; goes on where it broke off").add_argument("name")
    actions.add_parser("remove", help="remove an engine's environment").add_argument("name")


def run(args: argparse.Namespace) -> int:
    if args.action == "list":
        return _list(args)
    recipe = _known(args.name)
    if args.action == "remove":
        from stream_talk_cli.engines.build import remove

        print(f"Removed {remove(recipe.name)}")
        return 0
    return _install(recipe)


def _known(name: str) -> Recipe:
    recipe = find(name)
    if recipe is None:
        raise CommandError(f'there is no engine environment "{name}"; {did_you_mean(name, [r.name for r in RECIPES])}')
    return recipe


def _list(args: argparse.Namespace) -> int:
    rows = [
        {
            "name": r.name,
            "title": r.title,
            "installed": environments.is_installed(r.name),
            "size_gb": r.size_gb,
            "note": r.note,
        }
        for r in RECIPES
    ]
    if args.json:
        print(json.dumps(rows, indent=2))
        return 0
    for row in rows:
        here = "installed" if row["installed"] else ""
        print(f"{row['name']:<15} {row['title']:<30} ~{row['size_gb']:.1f} GB  {here:<10} {row['note']}")
    print(f"\nEnvironments lie in {environments_dir()}")
    return 0


def _install(recipe: Recipe) -> int:
    from stream_talk_cli.engines.build import build

    tty = sys.stderr.isatty()

    def say(text: str) -> None:
        line = f"{recipe.name}: {text}"[:110]
        print(f"\r\033[K{line}" if tty else line, end="" if tty else "\n", file=sys.stderr, flush=True)

    print(f"Installing {recipe.title}, about {recipe.size_gb:.1f} GB. {recipe.note}".rstrip(), file=sys.stderr)
    folder = build(recipe, say)
    if tty:
        print(file=sys.stderr)
    print(f'{recipe.name} is at {folder}; graphs name it as "interpreter": "@{recipe.name}"')
    return 0
