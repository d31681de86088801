"""The `api` of one extension: its own manifest merged with the interfaces that it imports."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from threading import Lock
from typing import Any

from ten_graph import source
from ten_graph.errors import GraphError
from ten_graph.model import KINDS
from ten_graph.schema.types import ObjectSchema, SchemaError, parse_object_schema

SECTIONS = tuple(f"{kind}_{direction}" for kind in KINDS for direction in ("in", "out"))


class ManifestError(ValueError):
    """A manifest or interface file that cannot be used."""


class ManifestApi:
    """What an extension declares. Undeclared properties and messages pass unchecked."""

    def __init__(
        self,
        properties: ObjectSchema | None = None,
        messages: Mapping[tuple[str, str, str], ObjectSchema] | None = None,
        results: Mapping[tuple[str, str], ObjectSchema] | None = None,
        names: Mapping[tuple[str, str], frozenset[str]] | None = None,
    ) -> None:
        self.properties = properties
        self._messages = dict(messages or {})
        self._results = dict(results or {})
        self._names = dict(names or {})

    @classmethod
    def load(cls, manifest_dir: str | Path, *, app_base_dir: str | Path | None = None) -> ManifestApi:
        """The api of the manifest in a directory; empty when there is no manifest. Remembered until a file changes."""
        path = Path(manifest_dir) / "manifest.json"
        return _cache.load(path, Path(app_base_dir) if app_base_dir is not None else None)

    def message_names(self, direction: str, kind: str) -> frozenset[str]:
        """Names that are declared for `direction` "in" or "out" and a kind of message."""
        return self._names.get((direction, kind), frozenset())

    def message_schema(self, direction: str, kind: str, name: str) -> ObjectSchema | None:
        """For callers that send many messages of one name and want to ask once whether there is anything to check."""
        return self._messages.get((direction, kind, name))

    def result_schema(self, direction: str, name: str) -> ObjectSchema | None:
        """Of results to the cmd `name` that goes `direction`: the result itself travels the other way."""
        return self._results.get((direction, name))

    def adjust_properties(self, tree: dict[str, Any]) -> dict[str, Any]:
        adjusted: dict[str, Any] = self.properties.adjust(tree) if self.properties is not None else tree
        return adjusted

    def adjust_property(self, path: str, value: Any) -> Any:
        """One value about to be set under a top-level or dotted path."""
        schema: Any = self.properties
        for key in path.split("."):
            schema = schema.properties.get(key) if isinstance(schema, ObjectSchema) else None
        return schema.adjust(value, f".{path}") if schema is not None else value

    def check_message(self, direction: str, kind: str, name: str, properties: dict[str, Any]) -> dict[str, Any]:
        """The adjusted properties of a message, or SchemaError."""
        schema = self._messages.get((direction, kind, name))
        return properties if schema is None else schema.adjust(properties)

    def check_result(self, direction: str, name: str, properties: dict[str, Any]) -> dict[str, Any]:
        """The adjusted properties of a result to the cmd `name`; `direction` is that of the cmd."""
        schema = self._results.get((direction, name))
        return properties if schema is None else schema.adjust(properties)


class _Cache:
    def __init__(self) -> None:
        self._apis: dict[tuple[str, str], tuple[tuple[tuple[str, int], ...], ManifestApi]] = {}
        self._lock = Lock()

    def load(self, path: Path, app_base_dir: Path | None) -> ManifestApi:
        key = (os.path.abspath(path), str(app_base_dir))
        with self._lock:
            known = self._apis.get(key)
        if known is not None and all(_mtime_ns(file) == stamp for file, stamp in known[0]):
            return known[1]
        files = [str(path)]
        stamps = {str(path): _mtime_ns(str(path))}
        api = _build(_merged(path, app_base_dir, files), path) if stamps[str(path)] else ManifestApi()
        for file in files:
            stamps.setdefault(file, _mtime_ns(file))
        with self._lock:
            self._apis[key] = (tuple(stamps.items()), api)
        return api


def _mtime_ns(file: str) -> int:
    try:
        return os.stat(file).st_mtime_ns
    except (OSError, ValueError):
        return 0


_cache = _Cache()


def _merged(path: Path, app_base_dir: Path | None, files: list[str]) -> dict[str, Any]:
    manifest = _read(path)
    api = manifest.get("api", {})
    if not isinstance(api, Mapping):
        raise ManifestError(f"{path}: 'api' must be an object")
    return _with_interfaces(api, path, app_base_dir, files, (str(path),))


def _read(path: Path) -> dict[str, Any]:
    try:
        return source.load_graph_file(path)
    except GraphError as error:
        raise ManifestError(str(error)) from None


def _with_interfaces(
    api: Mapping[str, Any], path: Path, app_base_dir: Path | None, files: list[str], around: tuple[str, ...]
) -> dict[str, Any]:
    interfaces = api.get("interface", [])
    if not isinstance(interfaces, list):
        raise ManifestError(f"{path}: api.interface must be a list")
    merged = {key: value for key, value in api.items() if key != "interface"}
    for index, interface in enumerate(interfaces):
        uri = interface.get("import_uri") if isinstance(interface, Mapping) else None
        if not isinstance(uri, str):
            raise ManifestError(f"{path}: api.interface[{index}] needs an 'import_uri'")
        target = _interface_path(uri, path, app_base_dir)
        if str(target) in around:
            raise ManifestError(f"{path}: interfaces import each other in a cycle: {uri}")
        files.append(str(target))
        inner = _with_interfaces(_read(target), target, app_base_dir, files, (*around, str(target)))
        _merge(merged, inner, path)
    return merged


def _interface_path(uri: str, path: Path, app_base_dir: Path | None) -> Path:
    try:
        target = source.locate(uri, path.parent, app_base_dir=app_base_dir)
    except GraphError as error:
        raise ManifestError(f"{path}: {error}") from None
    # A package may be a symlink in the app: `../../system/...` then means the app's own packages, so `..` is resolved in the text.
    return Path(os.path.normpath(target))


def _merge(merged: dict[str, Any], interface: Mapping[str, Any], path: Path) -> None:
    """Adds an interface. What both declare must be identical; `required` of properties does not survive a merge."""
    ours, theirs = merged.get("property"), interface.get("property")
    if isinstance(theirs, Mapping) and isinstance(theirs.get("properties", {}), Mapping):
        own = dict(ours.get("properties", {})) if isinstance(ours, Mapping) else {}
        for key, schema in theirs.get("properties", {}).items():
            if own.setdefault(key, schema) != schema:
                raise ManifestError(f'{path}: property "{key}" is declared differently by an interface')
        merged["property"] = {"properties": own}
    for section in SECTIONS:
        known = {_name(entry): entry for entry in _entries(merged, section, path)}
        for entry in _entries(interface, section, path):
            if known.setdefault(_name(entry), entry) != entry:
                raise ManifestError(f'{path}: {section} "{_name(entry)}" is declared differently by an interface')
        if known:
            merged[section] = list(known.values())


def _entries(api: Mapping[str, Any], section: str, path: Path) -> list[Mapping[str, Any]]:
    entries = api.get(section, [])
    if not isinstance(entries, list) or not all(
        isinstance(entry, Mapping) and isinstance(entry.get("name"), str) for entry in entries
    ):
        raise ManifestError(f"{path}: api.{section} must be a list of objects with a 'name'")
    return entries


def _name(entry: Mapping[str, Any]) -> str:
    return str(entry["name"])


def _build(api: Mapping[str, Any], path: Path) -> ManifestApi:
    messages: dict[tuple[str, str, str], ObjectSchema] = {}
    results: dict[tuple[str, str], ObjectSchema] = {}
    names: dict[tuple[str, str], frozenset[str]] = {}
    try:
        for section in SECTIONS:
            kind, _, direction = section.rpartition("_")
            entries = _entries(api, section, path)
            names[direction, kind] = frozenset(_name(entry) for entry in entries)
            for entry in entries:
                where = f"api.{section}.{_name(entry)}"
                if (schema := _property_schema(entry, where)) is not None:
                    messages[direction, kind, _name(entry)] = schema
                if kind == "cmd" and isinstance(entry.get("result"), Mapping):
                    result = _property_schema(entry["result"], f"{where}.result")
                    if result is not None:
                        results[direction, _name(entry)] = result
        return ManifestApi(_property_schema(api, "api"), messages, results, names)
    except SchemaError as error:
        raise ManifestError(f"{path}: {error}") from None


def _property_schema(entry: Mapping[str, Any], where: str) -> ObjectSchema | None:
    tree = entry.get("property")
    if tree is None:
        return None
    if not isinstance(tree, Mapping):
        raise SchemaError(f"{where}.property", "must be an object")
    schema = parse_object_schema(tree, f"{where}.property")
    return schema if schema.properties or schema.required else None
