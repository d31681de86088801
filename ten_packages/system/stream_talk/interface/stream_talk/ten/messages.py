"""Typed access to TEN messages. One JSON conversion per message, whatever it carries.

`read_json` returns everything a message holds; `data`, `cmd` and `result` build one from a dict. Frames get their own helpers,
because their metadata rarely changes from one frame to the next and is parsed once.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from ten_runtime import AudioFrame, Cmd, CmdResult, Data, StatusCode

from stream_talk.engines.interfaces import Pcm16
from stream_talk.ten import names

Json = dict[str, Any]

_dumps = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), check_circular=False).encode


def to_json(value: Any) -> str:
    """Compact JSON, text as it is."""
    return _dumps(value)


def read_json(message: Cmd | CmdResult | Data | AudioFrame, path: str = "") -> Json:
    """All properties of a message (or the object at `path`) as a dict; {} where there is none or it is no object."""
    text, error = message.get_property_to_json(path)
    if error is not None or not text:
        return {}
    value = json.loads(text)
    return value if isinstance(value, dict) else {}


def data(name: str, body: Mapping[str, Any]) -> Data:
    message = Data.create(name)
    message.set_property_from_json("", _dumps(body))
    return message


def cmd(name: str, body: Mapping[str, Any] | None = None) -> Cmd:
    message = Cmd.create(name)
    if body:
        message.set_property_from_json("", _dumps(body))
    return message


def result(target: Cmd, body: Mapping[str, Any] | None = None, *, ok: bool = True, final: bool = True) -> CmdResult:
    answer = CmdResult.create(StatusCode.OK if ok else StatusCode.ERROR, target)
    if body:
        answer.set_property_from_json("", _dumps(body))
    if not final:
        answer.set_final(False)
    return answer


# --- audio ------------------------------------------------------------------------------------------------------------


def pcm_frame(
    pcm: Pcm16 | bytes | bytearray | memoryview,
    sample_rate_hz: int,
    *,
    metadata_json: str = "",
    timestamp_ms: int = 0,
    name: str = names.PCM_FRAME,
) -> AudioFrame:
    """A mono s16le frame. `metadata_json` is the metadata object already encoded, since one request's frames all carry the same."""
    raw = pcm.tobytes() if isinstance(pcm, np.ndarray) else pcm
    frame = AudioFrame.create(name)
    frame.set_sample_rate(sample_rate_hz)
    frame.set_bytes_per_sample(2)
    frame.set_number_of_channels(1)
    frame.set_samples_per_channel(len(raw) // 2)  # interleaved is what a frame is anyway
    frame.set_timestamp(timestamp_ms)
    if metadata_json:
        # The whole tree at once: a runtime may keep the text, so that the receiver gets it back without encoding anything.
        frame.set_property_from_json("", f'{{"metadata":{metadata_json}}}')
    frame.alloc_buf(len(raw))
    buffer = frame.lock_buf()
    buffer[:] = raw
    frame.unlock_buf(buffer)
    return frame


@dataclass(slots=True)
class PcmView:
    """What a received frame holds. `sample_rate_hz` is 0 where the sender did not say."""

    pcm: Pcm16
    sample_rate_hz: int
    timestamp_ms: int
    metadata: Json
    metadata_json: str  # as `pcm_frame` takes it


class PcmReader:
    """Reads frames of one sender; remembers the last metadata so that it is parsed only when it changes."""

    def __init__(self) -> None:
        self._json = ""
        self._metadata: Json = {}
        self._metadata_json = ""

    def read(self, frame: AudioFrame) -> PcmView:
        text, error = frame.get_property_to_json("")
        if error is not None:
            text = ""
        if text != self._json:
            tree = json.loads(text) if text else {}
            metadata = tree.get("metadata") if isinstance(tree, dict) else None
            self._json, self._metadata = text, metadata if isinstance(metadata, dict) else {}
            self._metadata_json = _dumps(self._metadata) if self._metadata else ""
        try:
            raw = frame.get_buf()
        except SystemError:  # TEN's way to say that a frame has no buffer
            raw = bytearray()
        # A copy holds its samples itself; a view would add two objects to every garbage collection for as long as it is kept.
        pcm = np.frombuffer(raw, dtype=np.int16, count=len(raw) // 2).copy()
        channels = frame.get_number_of_channels()
        if channels > 1:
            usable = len(pcm) // channels * channels
            pcm = pcm[:usable].reshape(-1, channels).mean(axis=1, dtype=np.float32).astype(np.int16)
        return PcmView(pcm, frame.get_sample_rate(), frame.get_timestamp(), self._metadata, self._metadata_json)


# --- errors and metrics -----------------------------------------------------------------------------------------------


def error_data(
    module: str,
    code: int,
    message: str,
    *,
    request_id: str = "",
    vendor: str = "",
    vendor_code: str = "",
    metadata: Mapping[str, Any] | None = None,
) -> Data:
    vendor_info = {"vendor": vendor, "code": vendor_code, "message": message}
    body = {
        "id": request_id,
        "module": module,
        "code": code,
        "message": message,
        "vendor_info": vendor_info,
        "metadata": metadata or {},
    }
    return data(names.ERROR, body)


def metrics_data(
    module: str,
    vendor: str,
    metrics: Mapping[str, Any],
    *,
    request_id: str = "",
    metadata: Mapping[str, Any] | None = None,
) -> Data:
    body = {"id": request_id, "module": module, "vendor": vendor, "metrics": metrics, "metadata": metadata or {}}
    return data(names.METRICS, body)


def connection_status_data(
    module: str, vendor: str, current: str, last: str, *, code: int = 0, message: str = ""
) -> Data:
    vendor_info = {"vendor": vendor, "code": str(code), "message": message}
    body = {
        "id": "",
        "module": module,
        "vendor": vendor,
        "vendor_info": vendor_info,
        "current": current,
        "last": last,
        "code": code,
        "message": message,
        "metadata": {},
    }
    return data(names.CONNECTION_STATUS_CHANGED, body)
