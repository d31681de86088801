"""A graph node before its extension runs: files, merged properties, placeholders, schema, runtime options."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ten_graph import settings
from ten_graph.model import KINDS
from ten_graph.placeholders import PlaceholderError, resolve
from ten_graph.schema import ManifestApi

from . import json_text
from .property_tree import copy_tree, merge

if TYPE_CHECKING:
    from .app_core import AppCore

_US = 1e-6


class SetupError(ValueError):
    """The extension cannot be configured; the text says why."""


@dataclass(frozen=True)
class Configured:
    tree: dict[str, Any]
    api: ManifestApi | None  # for properties
    message_api: ManifestApi | None  # only when it declares any message
    options: Mapping[str, Any]


class NodeSetup:
    def __init__(self, name: str, addon: str, group: str, properties: dict[str, Any], base_dir: Path | None) -> None:
        self.name = name
        self.addon = addon
        self.group = group
        self.properties = properties
        self.base_dir = base_dir
        self._early: Configured | None = None

    def file_of(self, extension: object) -> str:
        """Where the extension's class is written; its directory when that cannot be told."""
        module = sys.modules.get(type(extension).__module__)
        file = getattr(module, "__file__", None)
        return str(file or self.base_dir or "no file")

    def check(self, app: AppCore) -> None:
        """What can be known before the extension runs, so that starting the graph fails and names the node."""
        self._early = self.configure(None, app)

    def configure(self, init_property: dict[str, Any] | None, app: AppCore) -> Configured:
        if init_property is None and self._early is not None:
            return self._early
        base = self._own_properties(app) if init_property is None else init_property
        try:
            tree = resolve(merge(base, self.properties), os.environ)
        except PlaceholderError as reason:
            raise SetupError(str(reason)) from None
        api = self._api(app)
        if api is not None:
            try:
                tree = api.adjust_properties(tree)
            except ValueError as reason:
                raise SetupError(f"property {str(reason).lstrip('.')}") from None
        message_api = api if api is not None and _declares_messages(api) else None
        return Configured(tree, api, message_api, _options(tree))

    def _own_properties(self, app: AppCore) -> dict[str, Any]:
        if self.base_dir is None:
            return {}
        tree: dict[str, Any] = app.files.json_object(self.base_dir / "property.json")
        return tree

    def _api(self, app: AppCore) -> ManifestApi | None:
        if self.base_dir is None:
            return None
        try:
            return ManifestApi.load(self.base_dir, app_base_dir=app.base_dir)
        except ValueError as reason:
            raise SetupError(str(reason)) from None


def _declares_messages(api: ManifestApi) -> bool:
    """Whether there is anything to check; most messages of most extensions carry no schema."""
    return any(
        api.message_schema(direction, kind, name) is not None
        or (kind == "cmd" and api.result_schema(direction, name) is not None)
        for direction in ("in", "out")
        for kind in KINDS
        for name in api.message_names(direction, kind)
    )


class PropertyFiles:
    """``property.json`` of extensions, read once per change: a gateway starts the same graph for each conversation."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[int, dict[str, Any]]] = {}

    def json_object(self, path: Path) -> dict[str, Any]:
        """Empty when there is no such file; ``SetupError`` when it is not a JSON object."""
        key = str(path)
        try:
            stamp = os.stat(key).st_mtime_ns
        except OSError:
            return {}
        known = self._known.get(key)
        if known is None or known[0] != stamp:
            known = (stamp, self._read(path))
            self._known[key] = known
        tree: dict[str, Any] = copy_tree(known[1])
        return tree

    def _read(self, path: Path) -> dict[str, Any]:
        try:
            tree = json_text.parse(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as reason:
            raise SetupError(f"{path}: {reason}") from None
        if not isinstance(tree, dict):
            raise SetupError(f"{path}: an object is needed")
        return tree


def _options(tree: dict[str, Any]) -> dict[str, Any]:
    """Attributes of the host that ``property.ten`` (and our own ``ten_embedded``) set."""
    check_settings(settings.problems(tree))
    options: dict[str, Any] = {}
    if "inbox_limit" in tree.get("ten_embedded", {}):
        options["inbox_limit"] = tree["ten_embedded"]["inbox_limit"]
    ten = tree.get("ten", tree.get("_ten", {}))
    options.update(path_options(ten))
    if "manual_trigger_life_cycle" in ten:
        options["manual"] = frozenset(entry["stage"] for entry in ten["manual_trigger_life_cycle"])
    return options


def check_settings(findings: Iterable[settings.Finding]) -> None:
    for path, fault, remedy in findings:
        raise SetupError(f"property {path}: {fault}{'; ' if remedy else ''}{remedy}")


def path_options(ten: Mapping[str, Any]) -> dict[str, float]:
    """Path timeouts, in seconds. An in-path outlives the sender's out-path, or late answers would get lost."""
    timeout = ten.get("path_timeout")
    interval = ten.get("path_check_interval")
    if timeout is None and interval is None:
        return {}
    interval_s = interval * _US if interval is not None else 10.0
    out_us = timeout.get("out_path") if isinstance(timeout, dict) else timeout
    in_us = timeout.get("in_path") if isinstance(timeout, dict) else timeout
    out_s = out_us * _US if out_us is not None else 180.0
    in_s = in_us * _US if in_us is not None else out_s
    return {
        "path_check_interval_s": interval_s,
        "out_path_timeout_s": out_s,
        "in_path_timeout_s": max(in_s, out_s + interval_s + 1.0),
    }
