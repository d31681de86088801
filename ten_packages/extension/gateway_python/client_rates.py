"""How many HTTP requests one address may make."""

from __future__ import annotations

from collections import OrderedDict

from stream_talk.wire.limits import TokenBucket

BURST_S = 4.0  # a page asks for all its files at once
_REMEMBERED_CLIENTS = 4096


class ClientRates:
    """Pure: time comes in as an argument. Remembers the addresses that were seen last, so that many cannot fill the memory."""

    def __init__(self, requests_per_s: float) -> None:
        self._per_s = requests_per_s
        self._clients: OrderedDict[str, TokenBucket] = OrderedDict()

    def admits(self, address: str, now_ms: float) -> bool:
        bucket = self._clients.get(address)
        if bucket is None:
            bucket = self._clients[address] = TokenBucket(self._per_s, self._per_s * BURST_S)
            if len(self._clients) > _REMEMBERED_CLIENTS:
                self._clients.popitem(last=False)
        self._clients.move_to_end(address)
        return bucket.take(1.0, now_ms)
