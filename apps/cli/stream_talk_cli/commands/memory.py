"""`stream-talk memory`: look at, export and delete what is remembered. It is your file."""

from __future__ import annotations

import argparse
import json
import sqlite3
import sys
import time
from pathlib import Path
from typing import Any

from stream_talk.memory import conversations, outbox
from stream_talk.memory.database import explained, open_database
from stream_talk.memory.errors import MemoryUnavailable
from stream_talk.memory.export import exported
from stream_talk.memory.long_term import SqliteLongTermStore
from stream_talk.paths import memory_file

HELP = "list, show, export or delete conversations and remembered facts"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--file", type=Path, help="memory file (default: in the user's data directory)")
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    actions.add_parser("path", help="print where the memory file is")
    listing = actions.add_parser("list", help="list conversations, newest first")
    listing.add_argument("--json", action="store_true")
    show = actions.add_parser("show", help="print one conversation")
    show.add_argument("session")
    show.add_argument("--json", action="store_true")
    export = actions.add_parser("export", help="write everything, or one conversation, as JSON")
    export.add_argument("session", nargs="?")
    export.add_argument("--out", type=Path, help="file to write (default: standard output)")
    facts = actions.add_parser("facts", help="list or search what is remembered for long")
    facts.add_argument("query", nargs="?", default="")
    facts.add_argument("--json", action="store_true")
    correct = actions.add_parser("correct", help="change one remembered fact")
    correct.add_argument("id", type=int)
    correct.add_argument("text")
    forget = actions.add_parser("forget", help="delete one remembered fact")
    forget.add_argument("id", type=int)
    events = actions.add_parser("events", help="how many events wait, and which were set aside")
    events.add_argument("--retry", action="store_true", help="let those that were set aside try again")
    delete = actions.add_parser("delete", help="delete one conversation, or everything with --all")
    delete.add_argument("session", nargs="?")
    delete.add_argument("--all", action="store_true")
    delete.add_argument("--yes", action="store_true", help="do not ask")


def run(args: argparse.Namespace) -> int:
    path = args.file or memory_file()
    if args.action == "path":
        print(path)
        return 0
    if not path.exists():
        print(f"Nothing is remembered yet ({path} does not exist).")
        return 0
    try:
        connection = open_database(path)
        with explained(path):
            return int(_ACTIONS[args.action](connection, args))
    except MemoryUnavailable as error:
        print(error, file=sys.stderr)
        return 1


def _when(epoch_ms: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(epoch_ms / 1000))


def _print_json(value: Any) -> None:
    print(json.dumps(value, ensure_ascii=False, indent=2))


def _list(connection: sqlite3.Connection, args: argparse.Namespace) -> int:
    found = conversations.list_conversations(connection, limit=1_000)
    if args.json:
        _print_json([{f: getattr(c, f) for f in c.__slots__} for c in found])
        return 0
    for c in found:
        print(f"{c.session_id}  {_when(c.updated_at_ms)}  {c.turns:4d} turns  {c.title}")
    if not found:
        print("No conversations.")
    return 0


def _show(connection: sqlite3.Connection, args: argparse.Namespace) -> int:
    turns = conversations.read_conversation(connection, args.session)
    if not turns:
        print(
            f"There is no conversation {args.session}; `stream-talk memory list` shows those there are.",
            file=sys.stderr,
        )
        return 1
    if args.json:
        _print_json(turns)
        return 0
    for turn in turns:
        text = turn["text"] if turn["heard_text"] is None else turn["heard_text"]
        print(f"{_when(turn['ts'])}  {turn['role']:>9}  {text}{'  [interrupted]' if turn['interrupted'] else ''}")
    return 0


def _export(connection: sqlite3.Connection, args: argparse.Namespace) -> int:
    content = exported(connection, [args.session] if args.session else None)
    text = json.dumps(content, ensure_ascii=False, indent=2)
    if args.out:
        args.out.write_text(text, encoding="utf-8")
        print(f"{len(content['conversations'])} conversations written to {args.out}")
    else:
        print(text)
    return 0


def _facts(connection: sqlite3.Connection, args: argparse.Namespace) -> int:
    items = SqliteLongTermStore(connection).list(limit=200, query=args.query)
    if args.json:
        _print_json([{f: getattr(i, f) for f in i.__slots__} for i in items])
        return 0
    for item in items:
        print(f"{item.id:6d}  {_when(item.created_at_ms)}  {item.kind:<10} {item.text}")
    if not items:
        print("Nothing found.")
    return 0


def _correct(connection: sqlite3.Connection, args: argparse.Namespace) -> int:
    return _say_changed(SqliteLongTermStore(connection).correct(args.id, args.text, int(time.time() * 1000)), args.id)


def _forget(connection: sqlite3.Connection, args: argparse.Namespace) -> int:
    return _say_changed(SqliteLongTermStore(connection).delete(args.id), args.id)


def _say_changed(changed: bool, item_id: int) -> int:
    print("Done." if changed else f"There is no fact {item_id}.")
    return 0 if changed else 1


def _events(connection: sqlite3.Connection, args: argparse.Namespace) -> int:
    if args.retry:
        print(f"{outbox.revive(connection)} events try again.")
    counts = outbox.statistics(connection)
    print(f"{counts['pending']} wait, {counts['delivered']} delivered lately, {counts['dead']} set aside")
    for row in outbox.set_aside(connection):
        print(
            f"{row['id']:6d}  {row['type']}  {row['session_id']}#{row['turn']}  {row['attempts']} attempts: {row['last_error']}"
        )
    return 0


def _delete(connection: sqlite3.Connection, args: argparse.Namespace) -> int:
    if bool(args.session) == args.all:
        print("Name one conversation, or say --all.", file=sys.stderr)
        return 2
    what = "everything that is remembered" if args.all else f"conversation {args.session}"
    if not args.yes and input(f"Delete {what}? [y/N] ").strip().lower() not in ("y", "yes"):
        print("Nothing deleted.")
        return 1
    if args.all:
        conversations.delete_everything(connection)
    elif not conversations.delete_conversation(connection, args.session):
        print(f"There is no conversation {args.session}.", file=sys.stderr)
        return 1
    print(f"Deleted {what}.")
    return 0


_ACTIONS = {
    "list": _list, "show": _show, "export": _export, "facts": _facts, "correct": _correct, "forget": _forget, "events": _events,
    "delete": _delete,
}  # fmt: skip
