"""Typed reading and writing of one property, with TEN's error values. Shared by messages and environments."""

from __future__ import annotations

import operator
from typing import Any

from ..error import TenError, TenErrorCode
from . import json_text
from .property_tree import INT64_MAX, INT64_MIN, MISSING, bad_arguments, not_found, type_name, unfit


def as_int(value: Any, path: str) -> tuple[int, TenError | None]:
    if value.__class__ is int:
        if INT64_MIN <= value <= INT64_MAX:
            return value, None
        return 0, TenError.create(TenErrorCode.ErrorCodeGeneric, f"{value} is out of range of int64")
    return 0, not_found(path) if value is MISSING else unfit(value, "int64")


def as_bool(value: Any, path: str) -> tuple[bool, TenError | None]:
    if value.__class__ is bool:
        return value, None
    return False, not_found(path) if value is MISSING else unfit(value, "bool")


def as_float(value: Any, path: str) -> tuple[float, TenError | None]:
    if value.__class__ is float:
        return value, None
    return 0.0, not_found(path) if value is MISSING else unfit(value, "float64")


def as_string(value: Any, path: str) -> tuple[str, TenError | None]:
    if value.__class__ is str:
        return value, None
    if value is MISSING:
        return "", not_found(path)
    return "", TenError.create(TenErrorCode.ErrorCodeInvalidArgument, "Value is not string.")


def as_buf(value: Any, path: str) -> tuple[bytearray, TenError | None]:
    if value.__class__ is bytes:
        return bytearray(value), None
    if value is MISSING:
        return bytearray(), not_found(path)
    message = f"Not buffer value, actual type: {type_name(value)}"
    return bytearray(), TenError.create(TenErrorCode.ErrorCodeGeneric, message)


def as_json(value: Any, path: str) -> tuple[str, TenError | None]:
    if value is MISSING:
        return "", not_found(path)
    return json_text.dump(value), None


def invalid_json(reason: object) -> TenError:
    return TenError.create(TenErrorCode.ErrorCodeInvalidJSON, f"Failed to parse JSON: {reason}")


def parse_object(text: str) -> dict[str, Any] | TenError:
    """A JSON object, as a whole property tree must be."""
    try:
        value = json_text.parse(text)
    except ValueError as reason:
        return invalid_json(reason)
    if not isinstance(value, dict):
        return invalid_json(f"an object is needed, this is {type_name(value)}")
    return value


def check_path(path: object) -> str:
    if not isinstance(path, str):
        raise bad_arguments()
    return path


def check_int(value: Any) -> int:
    """Anything that is an integer by itself (``__index__``), so numpy's integers too."""
    try:
        number = operator.index(value)
    except TypeError:
        raise bad_arguments() from None
    if not INT64_MIN <= number <= INT64_MAX:
        raise bad_arguments()
    return number


def check_bool(value: object) -> bool:
    if not isinstance(value, int):
        raise bad_arguments()
    return bool(value)


def check_float(value: Any) -> float:
    if isinstance(value, str | bytes | bytearray):
        raise bad_arguments()
    try:
        return float(value)
    except (TypeError, ValueError):
        raise bad_arguments() from None


def check_string(value: object) -> str:
    if not isinstance(value, str):
        raise bad_arguments()
    return value


def check_buf(value: Any) -> bytes:
    """Whatever offers its bytes: arrays too, also those of numpy."""
    try:
        copied = memoryview(value).tobytes()
    except (TypeError, BufferError):
        raise bad_arguments() from None
    if not copied:
        raise ValueError("The buffer must not be empty.")
    return copied
