"""Scopes of property paths (``app:``, ``extension:``) and the rule for initial properties."""

from __future__ import annotations

from typing import Any

from ..error import TenError, TenErrorCode
from .extension_host import Stage
from .property_access import check_path, parse_object


def split_scope(path: object) -> tuple[bool, str]:
    """(belongs to the app, path within the tree)."""
    text = check_path(path)
    if text.startswith("app:"):
        return True, text[4:]
    return False, text[10:] if text.startswith("extension:") else text


def find_property(host: Any, path: object) -> Any:
    is_app, inner = split_scope(path)
    return (host.app if is_app else host).properties.find(inner)


def property_json(host: Any, path: str | None) -> tuple[str, TenError | None]:
    is_app, inner = split_scope(path or "")
    result: tuple[str, TenError | None] = (host.app if is_app else host).properties.to_json(inner)
    return result


def not_writable(host: Any, path: object) -> TenError | None:
    is_app, inner = split_scope(path)
    if is_app and host is not host.app:
        return TenError.create(
            TenErrorCode.ErrorCodeInvalidArgument, f"The app's property '{inner}' cannot be set from an extension."
        )
    return None


def put_property(host: Any, path: object, value: Any) -> TenError | None:
    error: TenError | None = not_writable(host, path)
    if error is None:
        error = host.properties.put(split_scope(path)[1], value)
    return error


def put_property_json(host: Any, path: object, text: str) -> TenError | None:
    error: TenError | None = not_writable(host, path)
    if error is None:
        error = host.properties.put_json(split_scope(path)[1], text)
    return error


def init_property(host: Any, text: str) -> TenError | None:
    """Only while ``on_configure`` runs: it stands in for ``property.json``."""
    if host.stage is not Stage.CONFIGURE:
        return TenError.create(TenErrorCode.ErrorCodeGeneric, "Invalid timing to init property.")
    tree = parse_object(text)
    if isinstance(tree, TenError):
        return tree
    host.init_property = tree
    host.properties.replace(dict(tree))
    return None
