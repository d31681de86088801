"""One engine for all sessions of a process: hosts are found by (engine, configuration, settings) and counted.

A host whose last session left stays for `LINGER_MS`, so that the next conversation does not load the model again, and is then
closed; one that a later session asks for is simply taken up again.
"""

from __future__ import annotations

import atexit
import threading
from dataclasses import dataclass

from stream_talk.engines.host import EngineHost, HostSettings, HostStats
from stream_talk.engines.spec import EngineSpec

LINGER_MS = 60_000.0

_Key = tuple[EngineSpec, HostSettings]


@dataclass
class _Entry:
    host: EngineHost
    users: int = 0
    closing: threading.Timer | None = None


class HostRegistry:
    """Thread-safe: event loops of several threads may share hosts."""

    def __init__(self, linger_ms: float = LINGER_MS) -> None:
        self._linger_ms = linger_ms
        self._entries: dict[_Key, _Entry] = {}
        self._lock = threading.Lock()

    def acquire(self, spec: EngineSpec, settings: HostSettings | None = None) -> EngineHost:
        settings = settings or HostSettings()
        with self._lock:
            entry = self._entries.get((spec, settings))
            if entry is None:
                entry = self._entries[(spec, settings)] = _Entry(EngineHost(spec, settings))
            if entry.closing is not None:
                entry.closing.cancel()
                entry.closing = None
            entry.users += 1
            return entry.host

    def release(self, host: EngineHost) -> None:
        key = (host.spec, host.settings)
        with self._lock:
            entry = self._entries.get(key)
            if entry is None or entry.host is not host:
                return
            entry.users -= 1
            if entry.users > 0:
                return
            entry.closing = threading.Timer(self._linger_ms / 1000.0, self._close_unused, args=(key,))
            entry.closing.daemon = True
            entry.closing.start()

    def close_all(self) -> None:
        with self._lock:
            entries = list(self._entries.values())
            self._entries.clear()
        for entry in entries:
            if entry.closing is not None:
                entry.closing.cancel()
            entry.host.close()

    def stats(self) -> dict[str, tuple[int, HostStats]]:
        """Users and statistics of every live host, by a readable name."""
        with self._lock:
            return {entry.host.spec.label: (entry.users, entry.host.stats) for entry in self._entries.values()}

    def _close_unused(self, key: _Key) -> None:
        with self._lock:
            entry = self._entries.get(key)
            if entry is None or entry.users > 0:
                return
            del self._entries[key]
        entry.host.close()


hosts = HostRegistry()
"""The process's own registry. Not session state: it holds models, which belong to the machine."""

atexit.register(hosts.close_all)
