"""One Chromium for all tests against the scripted server; each test has a server and a page of its own."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

# Run with importlib mode, tests do not see each other's modules unless they are told where they live.
sys.path.insert(0, str(Path(__file__).parent))

from chromium import Browser, Page, find_chromium
from fake_gateway import FakeGateway

Opener = Callable[..., Page]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if find_chromium() is None:
        pytest.skip("Chromium is not installed (apt-get install chromium)")
    running = Browser()
    yield running
    running.close()


@pytest.fixture
def gateway() -> Iterator[FakeGateway]:
    server = FakeGateway()
    yield server
    server.stop()
    assert server.refused == [], "the real server would have refused this"


@pytest.fixture
def open_page(browser: Browser, gateway: FakeGateway) -> Iterator[Opener]:
    pages: list[Page] = []

    def opener(url: str | None = None, **options: Any) -> Page:
        pages.append(browser.open(url or gateway.url, **options))
        return pages[-1]

    yield opener
    for page in pages:
        page.close()
