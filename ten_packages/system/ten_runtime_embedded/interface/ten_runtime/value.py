"""Typed values, as used for the ``fields`` of log calls."""

from __future__ import annotations

from enum import IntEnum
from typing import Any

from .error import TenError, TenErrorCode


class ValueType(IntEnum):
    INVALID = 0
    NULL = 1
    BOOL = 2
    INT = 3
    FLOAT = 4
    STRING = 5
    BYTES = 6
    ARRAY = 7
    OBJECT = 8
    JSON_STRING = 9


_WORDS = {
    ValueType.BOOL: "a boolean",
    ValueType.INT: "an integer",
    ValueType.FLOAT: "a float",
    ValueType.STRING: "a string",
    ValueType.BYTES: "bytes",
    ValueType.ARRAY: "an array",
    ValueType.OBJECT: "an object",
    ValueType.JSON_STRING: "a JSON string",
}


class Value:
    __slots__ = ("_type", "_value")

    def __init__(self, value_type: ValueType = ValueType.INVALID, value: Any = None) -> None:
        self._type = value_type
        self._value = value

    @classmethod
    def from_bool(cls, value: bool) -> Value:
        return cls(ValueType.BOOL, value)

    @classmethod
    def from_int(cls, value: int) -> Value:
        return cls(ValueType.INT, value)

    @classmethod
    def from_float(cls, value: float) -> Value:
        return cls(ValueType.FLOAT, value)

    @classmethod
    def from_string(cls, value: str) -> Value:
        return cls(ValueType.STRING, value)

    @classmethod
    def from_buf(cls, value: bytes | bytearray) -> Value:
        return cls(ValueType.BYTES, bytes(value))

    @classmethod
    def from_array(cls, value: list[Value]) -> Value:
        return cls(ValueType.ARRAY, list(value))

    @classmethod
    def from_object(cls, value: dict[str, Value]) -> Value:
        return cls(ValueType.OBJECT, dict(value))

    @classmethod
    def from_json_string(cls, value: str) -> Value:
        return cls(ValueType.JSON_STRING, value)

    @classmethod
    def from_python(cls, value: Any) -> Value:
        """What has no type of its own here, ``None`` too, becomes its ``str``."""
        if isinstance(value, Value):
            return value
        if isinstance(value, bool):
            return cls.from_bool(value)
        if isinstance(value, int):
            return cls.from_int(value)
        if isinstance(value, float):
            return cls.from_float(value)
        if isinstance(value, str):
            return cls.from_string(value)
        if isinstance(value, bytes | bytearray):
            return cls.from_buf(value)
        if isinstance(value, list | tuple):
            return cls.from_array([cls.from_python(item) for item in value])
        if isinstance(value, dict):
            return cls.from_object({str(key): cls.from_python(item) for key, item in value.items()})
        return cls.from_string(str(value))

    def get_type(self) -> ValueType:
        return self._type

    def _get(self, wanted: ValueType, default: Any) -> tuple[Any, TenError | None]:
        if self._type == wanted:
            return self._value, None
        message = f"Value is not {_WORDS[wanted]}, got {self._type.name}"
        return default, TenError.create(TenErrorCode.ErrorCodeInvalidType, message)

    def get_bool(self) -> tuple[bool, TenError | None]:
        return self._get(ValueType.BOOL, False)

    def get_int(self) -> tuple[int, TenError | None]:
        return self._get(ValueType.INT, 0)

    def get_float(self) -> tuple[float, TenError | None]:
        return self._get(ValueType.FLOAT, 0.0)

    def get_string(self) -> tuple[str, TenError | None]:
        return self._get(ValueType.STRING, "")

    def get_buf(self) -> tuple[bytes, TenError | None]:
        return self._get(ValueType.BYTES, b"")

    def get_array(self) -> tuple[list[Value], TenError | None]:
        return self._get(ValueType.ARRAY, [])

    def get_object(self) -> tuple[dict[str, Value], TenError | None]:
        return self._get(ValueType.OBJECT, {})

    def get_json_string(self) -> tuple[str, TenError | None]:
        return self._get(ValueType.JSON_STRING, "")

    def to_python(self) -> Any:
        """The plain Python value; the way back of ``from_python``."""
        if self._type == ValueType.ARRAY:
            return [item.to_python() for item in self._value]
        if self._type == ValueType.OBJECT:
            return {key: item.to_python() for key, item in self._value.items()}
        return self._value
