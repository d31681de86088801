"""What all messages have in common."""

from __future__ import annotations

from typing import Any

from ._core import json_text
from ._core import property_access as access
from ._core.content import NOWHERE, Content
from ._core.property_tree import MISSING, bad_arguments, find, put
from .error import TenError, TenErrorCode
from .loc import Loc

__all__ = ["Loc", "Msg", "TenError"]


def _invalid_argument(message: str) -> TenError:
    return TenError.create(TenErrorCode.ErrorCodeInvalidArgument, message)


class Msg:
    """Made by ``create``; owned by whoever holds it until it is sent."""

    __slots__ = ("__dict__", "__weakref__", "_content")
    _content: Any

    def __init__(self, *_args: Any, **_kwargs: Any) -> None:
        raise NotImplementedError(f"Use {type(self).__name__}.create instead.")

    @classmethod
    def _wrap(cls, content: Content) -> Any:
        message = cls.__new__(cls)
        message._content = content
        return message

    def get_name(self) -> str:
        name: str = self._content.name
        return name

    def set_name(self, name: str) -> None:
        if not isinstance(name, str) or not name:
            raise ValueError("Failed to set the message's name.")
        self._content.name = name

    def get_source(self) -> Loc:
        source = self._content.source
        if source is NOWHERE:
            return Loc()
        return Loc(source[0] or None, source[1] or None, source[2] or None)

    def set_dests(self, dests: list[Loc]) -> TenError | None:
        if not isinstance(dests, list | tuple):
            raise bad_arguments()
        for dest in dests:
            if not isinstance(dest, Loc):
                raise bad_arguments()
            if dest.app_uri is None:
                return _invalid_argument("App URI cannot be empty.")
            if dest.graph_id is None and dest.extension_name is not None:
                return _invalid_argument("Graph ID cannot be empty when extension name is provided.")
        self._content.dests = [Loc(dest.app_uri, dest.graph_id, dest.extension_name) for dest in dests] or None
        return None

    # Properties -----------------------------------------------------------------------------------------------

    def _find(self, path: object) -> Any:
        path = access.check_path(path)
        content = self._content
        if path.startswith("ten."):
            try:
                return content.get_field(path[4:])
            except KeyError:
                return MISSING
        return find(content.properties, path)

    def _put(self, path: object, value: Any) -> TenError | None:
        path = access.check_path(path)
        content = self._content
        try:
            if path.startswith("ten."):
                content.set_field(path[4:], value)
            else:
                tree = content.properties  # which may have to be read from the text first
                content.json_text = None
                put(tree, path, value)
        except KeyError:
            return _invalid_argument(f"'{path}' cannot be set.")
        except ValueError as reason:
            return _invalid_argument(f"{reason}.")
        return None

    def set_property_from_json(self, path: str | None, json_str: str) -> TenError | None:
        text = access.check_string(json_str)
        if path:
            try:
                value = json_text.parse(text)
            except ValueError as reason:
                return access.invalid_json(reason)
            return self._put(path, value)
        tree = access.parse_object(text)
        if isinstance(tree, TenError):
            return tree
        return self._replace_all(tree, text)

    def _replace_all(self, tree: dict[str, Any], text: str) -> TenError | None:
        content = self._content
        fields = tree.pop("ten", None)
        content.properties = tree
        content.json_text = text if fields is None else None
        if isinstance(fields, dict):
            for name, value in fields.items():
                error = self._put(f"ten.{name}", value)
                if error is not None:
                    return error
        return None

    def get_property_to_json(self, path: str | None = None) -> tuple[str, TenError | None]:
        if path:
            return access.as_json(self._find(path), path)
        content = self._content
        if content.json_text is None:
            content.json_text = json_text.dump(content.properties)
        return content.json_text, None

    def get_property_int(self, path: str) -> tuple[int, TenError | None]:
        return access.as_int(self._find(path), path)

    def set_property_int(self, path: str, value: int) -> TenError | None:
        return self._put(path, access.check_int(value))

    def get_property_string(self, path: str) -> tuple[str, TenError | None]:
        return access.as_string(self._find(path), path)

    def set_property_string(self, path: str, value: str) -> TenError | None:
        return self._put(path, access.check_string(value))

    def get_property_bool(self, path: str) -> tuple[bool, TenError | None]:
        return access.as_bool(self._find(path), path)

    def set_property_bool(self, path: str, value: bool) -> TenError | None:
        return self._put(path, access.check_bool(value))

    def get_property_float(self, path: str) -> tuple[float, TenError | None]:
        return access.as_float(self._find(path), path)

    def set_property_float(self, path: str, value: float) -> TenError | None:
        return self._put(path, access.check_float(value))

    def get_property_buf(self, path: str) -> tuple[bytearray, TenError | None]:
        return access.as_buf(self._find(path), path)

    def set_property_buf(self, path: str, value: Any) -> TenError | None:
        return self._put(path, access.check_buf(value))
