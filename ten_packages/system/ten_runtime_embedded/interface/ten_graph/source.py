"""Reading graph documents: files, and the `import_uri` of subgraphs and interfaces."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ten_graph.errors import INVALID_JSON, GraphError

# No hand-written graph comes near this; beyond it recursion over the document would end in a traceback.
MAX_DEPTH = 100
MAX_BYTES = 8 * 1024 * 1024


def load_graph_file(path: str | Path) -> dict[str, Any]:
    """The JSON object in a file, or a GraphError that names the file and the place."""
    file = str(path)
    try:
        raw = Path(path).read_bytes()
    except FileNotFoundError:
        raise GraphError("the file does not exist", INVALID_JSON, file=file) from None
    except (OSError, ValueError) as error:
        raise GraphError(f"the file cannot be read: {_reason(error)}", INVALID_JSON, file=file) from None
    if len(raw) > MAX_BYTES:
        raise GraphError(f"the file is larger than {MAX_BYTES} bytes", INVALID_JSON, file=file)
    try:
        return parse_object(raw)
    except GraphError as error:
        raise GraphError(error.message, INVALID_JSON, where=error.where, remedy=error.remedy, file=file) from None


def parse_object(raw: bytes | str) -> dict[str, Any]:
    """A JSON object without duplicate keys, NaN, or absurd nesting."""
    try:
        text = raw.decode("utf-8-sig") if isinstance(raw, bytes) else raw
        tree = json.loads(text, object_pairs_hook=_unique_keys, parse_constant=_no_constant)
    except GraphError:
        raise
    except json.JSONDecodeError as error:
        where = f"line {error.lineno} column {error.colno}"
        raise GraphError(f"not valid JSON: {error.msg}", INVALID_JSON, where=where) from None
    except UnicodeDecodeError as error:
        raise GraphError(f"not UTF-8 text: byte {error.start} is invalid", INVALID_JSON) from None
    except (ValueError, RecursionError):
        raise GraphError("not usable JSON: a number or the nesting is too large", INVALID_JSON) from None
    if not isinstance(tree, dict):
        raise GraphError(f"a graph is a JSON object, this is {describe(tree)}", INVALID_JSON)
    check_depth(tree)
    return tree


def check_depth(tree: Any) -> None:
    level = [tree]
    for _ in range(MAX_DEPTH):
        level = [
            child
            for value in level
            if isinstance(value, (dict, list))
            for child in (value.values() if isinstance(value, dict) else value)
        ]
        if not level:
            return
    raise GraphError(f"nested deeper than {MAX_DEPTH} levels", INVALID_JSON)


def locate(uri: str, base_dir: Path, *, app_base_dir: Path | None = None, allow_http: bool = False) -> Path | str:
    """Where an `import_uri` points: a path, or the URL itself for http(s) where that is allowed."""
    marker = "${app_base_dir}"
    if uri.startswith(marker):
        if app_base_dir is None:
            raise GraphError(
                f'import_uri "{uri}": {marker} is not known here', remedy="write a path relative to this file"
            )
        return app_base_dir / uri[len(marker) :].lstrip("/\\")
    scheme = uri.partition("://")[0].lower() if "://" in uri else ""
    if scheme == "file":
        # Both pull in machinery that plain graphs do not need.
        from urllib.parse import urlsplit
        from urllib.request import url2pathname

        return Path(url2pathname(urlsplit(uri).path))
    if scheme in ("http", "https"):
        if not allow_http:
            raise GraphError(
                f'import_uri "{uri}": loading over the network is not allowed', remedy="save the file beside the graph"
            )
        return uri
    if scheme:
        raise GraphError(
            f'import_uri "{uri}": unknown scheme "{scheme}"', remedy="write a relative path or a file:// URI"
        )
    if not uri or Path(uri).is_absolute() or uri.startswith(("/", "\\")):
        what = "is an absolute path" if uri else "is empty"
        raise GraphError(f'import_uri "{uri}" {what}', remedy="write a relative path or a file:// URI")
    return base_dir / uri


def load_url(url: str, *, timeout_s: float = 10.0) -> dict[str, Any]:
    """A graph document over http(s); only reached where the caller allowed it."""
    from urllib.error import URLError
    from urllib.request import urlopen

    try:
        with urlopen(url, timeout=timeout_s) as response:
            return parse_object(response.read(MAX_BYTES + 1))
    except (URLError, OSError, ValueError) as error:
        if isinstance(error, GraphError):
            raise GraphError(error.message, error.code, where=error.where, file=url) from None
        raise GraphError(f"cannot be loaded: {_reason(error)}", file=url) from None


def describe(value: object) -> str:
    names = {
        type(None): "null",
        bool: "a boolean",
        int: "a number",
        float: "a number",
        str: "a string",
        list: "a list",
        dict: "an object",
    }
    return names.get(type(value), type(value).__name__)


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    tree = dict(pairs)
    if len(tree) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise GraphError(f'the key "{twice}" appears twice in one object', INVALID_JSON, remedy="keep one of them")
    return tree


def _no_constant(name: str) -> Any:
    raise GraphError(f"not valid JSON: {name} is not a number", INVALID_JSON)
