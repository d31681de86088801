"""Errors are values: returned next to a result (or instead of ``None``), never raised."""

from __future__ import annotations

from enum import IntEnum

VALUE_NOT_FOUND = 100000  # TEN's internal code for "no such property"; it has no public enum member


class TenErrorCode(IntEnum):
    ErrorCodeGeneric = 1
    ErrorCodeInvalidJSON = 2
    ErrorCodeInvalidArgument = 3
    ErrorCodeInvalidType = 4
    ErrorCodeInvalidGraph = 5
    ErrorCodeTenIsClosed = 6
    ErrorCodeMsgNotConnected = 7
    ErrorCodeTimeout = 8


_MEMBERS = {int(member): member for member in TenErrorCode}


class TenError:
    __slots__ = ("_code", "_message")
    _code: int
    _message: str

    def __init__(self) -> None:
        raise NotImplementedError("Use TenError.create instead.")

    @classmethod
    def create(cls, error_code: TenErrorCode | int, error_message: str | None = None) -> TenError:
        error = cls.__new__(cls)
        error._code = int(error_code)
        error._message = "" if error_message is None else error_message
        return error

    def error_code(self) -> TenErrorCode | int:
        return _MEMBERS.get(self._code, self._code)

    def error_message(self) -> str:
        return self._message

    def __str__(self) -> str:
        return f"error_code: {self._code}, error_message: {self._message}"

    def __repr__(self) -> str:
        return f"TenError({self})"
