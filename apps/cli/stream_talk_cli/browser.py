"""Opening the page once the server answers."""

from __future__ import annotations

import socket
import threading
import webbrowser
from urllib.parse import urlsplit

RETRY_S = 0.1
GIVE_UP_S = 120.0


def open_when_ready(url: str) -> threading.Event:
    """Opens the page in the background as soon as the port accepts connections. Set the event to call it off."""
    called_off = threading.Event()
    threading.Thread(target=_open, args=(url, called_off), name="open-browser", daemon=True).start()
    return called_off


def _open(url: str, called_off: threading.Event) -> None:
    # The server may be TEN's native app, which tells nobody that it listens: its port is the only sign.
    parts = urlsplit(url)
    for _ in range(int(GIVE_UP_S / RETRY_S)):
        try:
            socket.create_connection((parts.hostname or "127.0.0.1", parts.port or 80), timeout=1.0).close()
        except OSError:
            if called_off.wait(RETRY_S):
                return
            continue
        webbrowser.open(url)
        return
