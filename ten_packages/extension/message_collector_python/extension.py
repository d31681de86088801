"""Hands messages on to whoever listens. Transcripts also carry the fields of TEN's own collectors, so that TEN's consumers can read them.

It splits nothing and encodes nothing: a message is one JSON object (docs/messages.md).
"""

from __future__ import annotations

from typing import Any

from stream_talk import clock
from stream_talk.ten import messages, names
from ten_runtime import AsyncExtension, AsyncTenEnv, Cmd, Data

_ROLES = {"user_text": "user", "assistant_text": "assistant"}


def with_ten_fields(body: dict[str, Any], stream_id: int, epoch_ms: int) -> dict[str, Any]:
    """The same message, with TEN's transcript fields where it is a transcript."""
    role = _ROLES.get(str(body.get("type")))
    if role is None:
        return body
    ten_fields = {
        "data_type": "transcribe",
        "role": role,
        "text_ts": epoch_ms,
        "is_final": bool(body.get("final")),
        "stream_id": stream_id,
    }
    return {**body, **ten_fields}


class MessageCollectorExtension(AsyncExtension):
    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._stream_id = 0

    async def on_init(self, ten_env: AsyncTenEnv) -> None:
        stream_id, error = await ten_env.get_property_int("stream_id")
        if error is None:
            self._stream_id = stream_id

    async def on_data(self, ten_env: AsyncTenEnv, data: Data) -> None:
        if data.get_name() != names.MESSAGE:
            return
        try:
            body = with_ten_fields(messages.read_json(data), self._stream_id, clock.epoch_ms())
            await ten_env.send_data(messages.data(names.MESSAGE, body))
        except Exception as error:  # nothing may leave a callback: TEN would end the process
            ten_env.log_error(f"message_collector: a message was lost: {error!r}")

    async def on_cmd(self, ten_env: AsyncTenEnv, cmd: Cmd) -> None:
        await ten_env.return_result(messages.result(cmd))
