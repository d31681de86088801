"""`stream-talk new`: a package to begin with."""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from stream_talk.graph.home import is_app

from stream_talk_cli.errors import CommandError

HELP = "make a working extension package with a passing test"
KINDS = ("plain", "asr", "llm", "tts", "vad")
TEMPLATES = Path(__file__).resolve().parents[1] / "templates"
_SUFFIX = ".tmpl"
_API_FILE = "api.json"
_NAME = re.compile(r"[a-z][a-z0-9_]*")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    what = parser.add_subparsers(dest="what", metavar="WHAT", required=True)
    extension = what.add_parser("extension", help="an extension package")
    extension.add_argument("name", help="package and addon name, e.g. my_asr_python")
    extension.add_argument("--kind", choices=KINDS, default="plain")
    extension.add_argument(
        "--dir", type=Path, help="where to put it (default: ten_packages/extension of the app here, else here)"
    )


def run(args: argparse.Namespace) -> int:
    if not _NAME.fullmatch(args.name):
        raise CommandError(
            f'"{args.name}" is no package name: use small letters, digits and _, and begin with a letter'
        )
    target = (args.dir or _default_directory()) / args.name
    if target.exists():
        raise CommandError(f"{target} exists already: choose another name, or remove it")
    write_extension(target, args.name, args.kind)
    print(f"{target}\nTry it:  stream-talk test {target}")
    return 0


def write_extension(target: Path, name: str, kind: str) -> None:
    words = {"name": name, "class": "".join(part.capitalize() for part in name.split("_"))}
    files = {path: _filled(text, words) for path, text in _templates(kind)}
    files["manifest.json"] = (
        json.dumps(_manifest(name, kind, json.loads(files.pop(_API_FILE))), indent=2, ensure_ascii=False) + "\n"
    )
    for path, text in files.items():
        file = target / _filled(path, words)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")


def _default_directory() -> Path:
    here = Path.cwd()
    app = next((directory for directory in (here, *here.parents) if is_app(directory)), None)
    return app / "ten_packages" / "extension" if app is not None else here


def _templates(kind: str) -> Iterator[tuple[str, str]]:
    """(relative path, text) of what all kinds share and of what is special to one."""
    for root in (TEMPLATES / "common", TEMPLATES / kind):
        for path in sorted(root.rglob(f"*{_SUFFIX}")):
            yield path.relative_to(root).as_posix().removesuffix(_SUFFIX), path.read_text("utf-8")


def _filled(text: str, words: dict[str, str]) -> str:
    for key, value in words.items():
        text = text.replace("{{" + key + "}}", value)
    return text


def _manifest(name: str, kind: str, api: dict[str, Any]) -> dict[str, Any]:
    title = {"locales": {"en-US": {"content": name.replace("_", " ")}}}
    return {
        "type": "extension",
        "name": name,
        "version": "0.1.0",
        "display_name": title,
        "description": {"locales": {"en-US": {"content": "What it does, in a sentence."}}},
        "tags": [kind] if kind != "plain" else [],
        "dependencies": [{"type": "system", "name": "ten_runtime_python", "version": "0.11"}],
        "package": {
            "include": ["**.py", "manifest.json", "property.json", "README.md", "requirements.txt", "tests/**"]
        },
        "api": api,
        "scripts": {"test": "stream-talk test ."},
    }
