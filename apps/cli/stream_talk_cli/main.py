"""Entry point of `stream-talk`: finds the modules of `commands/` and hands over to one of them."""

from __future__ import annotations

import argparse
import contextlib
import importlib
import os
import pkgutil
import sys
from collections.abc import Sequence

from ten_graph import GraphError

from stream_talk_cli import commands
from stream_talk_cli.errors import CommandError


def command_names() -> list[str]:
    return sorted(m.name for m in pkgutil.iter_modules(commands.__path__) if not m.name.startswith("_"))


def build_parser(only: str | None = None) -> argparse.ArgumentParser:
    """Parser of all commands; with `only`, just that module is imported, so that a command pays for itself alone."""
    parser = argparse.ArgumentParser(prog="stream-talk", description="Talk with your own machine.")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name in [only] if only else command_names():
        try:
            module = importlib.import_module(f"{commands.__name__}.{name}")
        except ModuleNotFoundError as error:
            if only or _is_ours(error):
                raise
            subparsers.add_parser(name, help=f"(needs the Python package {error.name})")
            continue
        subparser = subparsers.add_parser(name, help=module.HELP, description=module.HELP)
        module.add_arguments(subparser)
        subparser.set_defaults(run=module.run)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    argv = list(sys.argv[1:] if argv is None else argv)
    only = argv[0] if argv and argv[0] in command_names() else None
    _print_any_text()
    try:
        args = build_parser(only).parse_args(argv)
        return int(args.run(args) or 0)
    except KeyboardInterrupt:
        return 130
    except (CommandError, GraphError) as error:
        print(error, file=sys.stderr)
        return 1
    except ModuleNotFoundError as error:
        if _is_ours(error):
            raise
        print(f"{' '.join(argv[:1])} needs the Python package {error.name}, which is not installed", file=sys.stderr)
        return 1
    except BrokenPipeError:
        # Whoever read our output has left (`| head`); the interpreter would complain once more when it flushes.
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 1


def _is_ours(error: ModuleNotFoundError) -> bool:
    """A module of this project that is missing is a fault of ours, not of the installation."""
    return (error.name or "").partition(".")[0] in ("", "stream_talk", "stream_talk_cli", "ten_graph", "bench")


def _print_any_text() -> None:
    """A console that cannot show a character gets an escape in its place, not an exception."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


if __name__ == "__main__":
    sys.exit(main())
