"""The properties of an extension or app. A lock instead of a trip to the owner's thread: callers wait for nobody."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from ..error import TenError, TenErrorCode
from . import json_text
from .property_access import as_json, invalid_json
from .property_tree import MISSING, find, put

if TYPE_CHECKING:
    from ten_graph.schema import ManifestApi


class PropertyStore:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tree: dict[str, Any] = {}
        self._api: ManifestApi | None = None

    def replace(self, tree: dict[str, Any], api: ManifestApi | None = None) -> None:
        with self._lock:
            self._tree = tree
            self._api = api

    def find(self, path: str) -> Any:
        with self._lock:
            return find(self._tree, path)

    def put(self, path: str, value: Any) -> TenError | None:
        with self._lock:
            try:
                if self._api is not None:
                    value = self._api.adjust_property(path, value)
                put(self._tree, path, value)
            except ValueError as reason:
                return TenError.create(TenErrorCode.ErrorCodeInvalidArgument, str(reason))
        return None

    def put_json(self, path: str, text: str) -> TenError | None:
        try:
            value = json_text.parse(text)
        except ValueError as reason:
            return invalid_json(reason)
        return self.put(path, value)

    def to_json(self, path: str) -> tuple[str, TenError | None]:
        with self._lock:
            value = find(self._tree, path) if path else self._tree
            if value is MISSING:
                return as_json(value, path)
            return json_text.dump(value), None
