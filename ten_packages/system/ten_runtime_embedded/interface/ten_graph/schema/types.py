"""Schemas of values: TEN's types, adjustment (int to int, int to float) and checking, in one step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_INT_RANGES = {f"int{bits}": (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) for bits in (8, 16, 32, 64)}
_INT_RANGES |= {f"uint{bits}": (0, (1 << bits) - 1) for bits in (8, 16, 32, 64)}
_FLOATS = ("float32", "float64")
SCALARS = ("bool", "string", "buf", "ptr", *_INT_RANGES, *_FLOATS)
TYPES = (*SCALARS, "array", "object")


class SchemaError(ValueError):
    """A value that does not fit. `path` begins with a dot: `.params.rate`."""

    def __init__(self, path: str, message: str) -> None:
        super().__init__(f"{path}: {message}" if path else message)
        self.path = path
        self.message = message


def type_name(value: object) -> str:
    """TEN's name for the type of a Python value."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int):
        return "int64"
    if isinstance(value, float):
        return "float64"
    if isinstance(value, str):
        return "string"
    if isinstance(value, (bytes, bytearray, memoryview)):
        return "buf"
    if isinstance(value, list):
        return "array"
    return "object" if isinstance(value, Mapping) else "ptr"


class Schema:
    """A scalar type; the base of the others."""

    __slots__ = ("type",)

    def __init__(self, type_: str) -> None:
        self.type = type_

    def adjust(self, value: Any, path: str = "") -> Any:
        """The value in the declared type, the very same where it fits already; or SchemaError."""
        actual = type_name(value)
        if self.type in _INT_RANGES and actual == "int64":
            low, high = _INT_RANGES[self.type]
            if not low <= value <= high:
                raise SchemaError(path, f"out of range of {self.type}")
            return value
        if self.type in _FLOATS and actual in ("int64", "float64"):
            return _to_float(value, path, self.type)
        if actual == self.type or self.type == "ptr":
            return value
        raise _mismatch(path, actual, self.type)

    def errors(self, value: Any, path: str = "") -> list[SchemaError]:
        """All that is wrong, for reports that do not stop at the first."""
        try:
            self.adjust(value, path)
        except SchemaError as error:
            return [error]
        return []


class ArraySchema(Schema):
    __slots__ = ("items",)

    def __init__(self, items: Schema | None) -> None:
        super().__init__("array")
        self.items = items

    def adjust(self, value: Any, path: str = "") -> Any:
        if not isinstance(value, list):
            raise _mismatch(path, type_name(value), self.type)
        if self.items is None:
            return value
        adjusted = [self.items.adjust(item, f"{path}[{index}]") for index, item in enumerate(value)]
        return value if all(new is old for new, old in zip(adjusted, value, strict=True)) else adjusted

    def errors(self, value: Any, path: str = "") -> list[SchemaError]:
        if self.items is None or not isinstance(value, list):
            return super().errors(value, path)
        return [error for index, item in enumerate(value) for error in self.items.errors(item, f"{path}[{index}]")]


class ObjectSchema(Schema):
    """Only declared keys are checked; others pass."""

    __slots__ = ("properties", "required")

    def __init__(self, properties: Mapping[str, Schema], required: tuple[str, ...] = ()) -> None:
        super().__init__("object")
        self.properties = dict(properties)
        self.required = required

    def adjust(self, value: Any, path: str = "") -> Any:
        if not isinstance(value, Mapping):
            raise _mismatch(path, type_name(value), self.type)
        absent = self._absent(value, path)
        if absent is not None:
            raise absent
        changed = {}
        for key, schema in self.properties.items():
            if key in value:
                adjusted = schema.adjust(value[key], f"{path}.{key}")
                if adjusted is not value[key]:
                    changed[key] = adjusted
        return {**value, **changed} if changed else value

    def errors(self, value: Any, path: str = "") -> list[SchemaError]:
        if not isinstance(value, Mapping):
            return super().errors(value, path)
        found = [
            error
            for key, schema in self.properties.items()
            if key in value
            for error in schema.errors(value[key], f"{path}.{key}")
        ]
        absent = self._absent(value, path)
        return [absent, *found] if absent is not None else found

    def _absent(self, value: Mapping[str, Any], path: str) -> SchemaError | None:
        absent = [name for name in self.required if name not in value]
        if not absent:
            return None
        return SchemaError(path, f"the required properties are absent: {', '.join(repr(name) for name in absent)}")


def _to_float(value: int | float, path: str, type_: str) -> float:
    try:
        return float(value)
    except OverflowError:
        raise SchemaError(path, f"out of range of {type_}") from None


def _mismatch(path: str, actual: str, declared: str) -> SchemaError:
    return SchemaError(path, f"unsupported conversion from `{actual}` to `{declared}`")


def parse_schema(tree: object, path: str = "") -> Schema:
    """The schema that a manifest describes, or SchemaError about the manifest itself."""
    if not isinstance(tree, Mapping):
        raise SchemaError(path, "a schema is an object with a 'type'")
    type_ = tree.get("type")
    if type_ == "array":
        return ArraySchema(parse_schema(tree["items"], f"{path}.items") if "items" in tree else None)
    if type_ == "object":
        return parse_object_schema(tree, path)
    if not isinstance(type_, str) or type_ not in SCALARS:
        raise SchemaError(path, f"unknown type {type_!r}, known: {', '.join(TYPES)}")
    return Schema(type_)


def parse_object_schema(tree: Mapping[str, Any], path: str = "") -> ObjectSchema:
    properties = tree.get("properties", {})
    required = tree.get("required", [])
    if not isinstance(properties, Mapping):
        raise SchemaError(f"{path}.properties", "must be an object")
    if not isinstance(required, list) or not all(isinstance(name, str) for name in required):
        raise SchemaError(f"{path}.required", "must be a list of names")
    parsed = {key: parse_schema(value, f"{path}.properties.{key}") for key, value in properties.items()}
    return ObjectSchema(parsed, tuple(required))
