"""What Hugging Face and ModelScope offer over HTTP: the files of a model, with sizes and checksums, and where each is."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import quote

import httpx

from stream_talk_cli.errors import CommandError


@dataclass(frozen=True, slots=True)
class RemoteFile:
    path: str
    size: int
    sha256: str
    url: str


class Hub(Protocol):
    def files(self, client: httpx.Client, repo: str) -> list[RemoteFile]: ...


def _get(client: httpx.Client, url: str, what: str) -> Any:
    try:
        answer = client.get(url)
        answer.raise_for_status()
        return answer.json()
    except httpx.HTTPStatusError as error:
        hint = {
            401: "it asks for a login (set HF_TOKEN)",
            403: "access is refused (set HF_TOKEN)",
            404: "it does not exist there",
        }
        raise CommandError(f"{what}: {hint.get(error.response.status_code, str(error))}") from None
    except (httpx.HTTPError, ValueError) as error:
        raise CommandError(
            f"{what} cannot be reached ({error}); try --mirror URL, --hub modelscope where `models list` says so, or --from DIR"
        ) from None


@dataclass(frozen=True, slots=True)
class HuggingFace:
    endpoint: str

    def files(self, client: httpx.Client, repo: str) -> list[RemoteFile]:
        tree = _get(client, f"{self.endpoint}/api/models/{repo}/tree/main?recursive=true", f"{repo} at {self.endpoint}")
        return [
            RemoteFile(
                entry["path"],
                int(entry.get("size") or 0),
                str((entry.get("lfs") or {}).get("oid", "")),
                f"{self.endpoint}/{repo}/resolve/main/{quote(entry['path'])}",
            )
            for entry in tree
            if entry.get("type") == "file"
        ]


@dataclass(frozen=True, slots=True)
class ModelScope:
    endpoint: str

    def files(self, client: httpx.Client, repo: str) -> list[RemoteFile]:
        base = f"{self.endpoint}/api/v1/models/{repo}/repo"
        answer = _get(client, f"{base}/files?Revision=master&Recursive=true", f"{repo} at {self.endpoint}")
        return [
            RemoteFile(
                entry["Path"],
                int(entry.get("Size") or 0),
                str(entry.get("Sha256") or ""),
                f"{base}?Revision=master&FilePath={quote(entry['Path'])}",
            )
            for entry in (answer.get("Data") or {}).get("Files") or []
            if entry.get("Type") != "tree"
        ]


def hub_of(name: str, mirror: str | None) -> Hub:
    if name == "modelscope":
        return ModelScope((mirror or "https://modelscope.cn").rstrip("/"))
    return HuggingFace((mirror or os.environ.get("HF_ENDPOINT") or "https://huggingface.co").rstrip("/"))
