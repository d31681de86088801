"""A Chromium driven over its DevTools protocol: no browser-driving package to install, nothing to download."""

from __future__ import annotations

import base64
import contextlib
import itertools
import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from websockets.sync.client import connect

FLAGS = [
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream", "--autoplay-policy=no-user-gesture-required",
    "--host-resolver-rules=MAP insecure.test 127.0.0.1", "--remote-debugging-port=0", "--force-color-profile=srgb",
]  # fmt: skip

RECEIVE_TIMEOUT_S = 120.0
"""Longer than anything waits inside a page: an answer that is late is not one that is lost."""

WAIT = """new Promise((done) => {
  const end = performance.now() + LIMIT_MS;
  const look = async () => {
    let value = null;
    try { value = await (CONDITION); } catch { value = null; }
    if (value) done(value instanceof Node ? true : value);
    else if (performance.now() > end) done(null);
    else setTimeout(look, 15);
  };
  look();
})"""

KEY_CODES = {"Escape": 27, "Enter": 13, "Tab": 9, " ": 32}


def find_chromium() -> str | None:
    return next(
        (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
    )


class PageError(AssertionError):
    """The page threw, or never came to what was waited for."""


class Browser:
    """One browser process with an empty profile. `open` gives pages that share nothing with each other."""

    def __init__(self, *extra_flags: str) -> None:
        executable = find_chromium()
        if executable is None:
            raise FileNotFoundError("no Chromium here: apt-get install chromium")
        self.profile = Path(tempfile.mkdtemp(prefix="stream-talk-browser-"))
        self.process = subprocess.Popen(
            [executable, *FLAGS, *extra_flags, f"--user-data-dir={self.profile}", "about:blank"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        port, path = self._devtools_address()
        self._resources = contextlib.ExitStack()
        address = f"ws://127.0.0.1:{port}{path}"
        self.socket = self._resources.enter_context(connect(address, max_size=None, compression=None))
        self.events: list[dict[str, Any]] = []
        self._ids = itertools.count(1)

    def _devtools_address(self, timeout_s: float = 30.0) -> tuple[int, str]:
        address = self.profile / "DevToolsActivePort"
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            lines = address.read_text().splitlines() if address.exists() else []
            if len(lines) == 2:
                return int(lines[0]), lines[1]
            if self.process.poll() is not None:
                raise PageError(f"Chromium ended with {self.process.returncode}")
            time.sleep(0.02)
        raise PageError("Chromium did not open its DevTools port")

    def command(self, method: str, params: dict[str, Any] | None = None, session: str | None = None) -> dict[str, Any]:
        number = next(self._ids)
        message: dict[str, Any] = {"id": number, "method": method, "params": params or {}}
        if session is not None:
            message["sessionId"] = session
        self.socket.send(json.dumps(message))
        while True:
            answer = json.loads(self.socket.recv(timeout=RECEIVE_TIMEOUT_S))
            if answer.get("id") != number:
                if "method" in answer:
                    self.events.append(answer)
                continue
            if "error" in answer:
                raise PageError(f"{method}: {answer['error']['message']}")
            return answer.get("result", {})

    def open(self, url: str, **options: Any) -> Page:
        return Page(self, url, **options)

    def close(self) -> None:
        try:
            self.command("Browser.close")
        finally:
            self._resources.close()
            self.process.wait(timeout=10)
            shutil.rmtree(self.profile, ignore_errors=True)


class Page:
    """A page in a browser context of its own: own storage, own everything."""

    def __init__(
        self,
        browser: Browser,
        url: str,
        *,
        size: tuple[int, int] = (1280, 800),
        mobile: bool = False,
        scale: float = 1.0,
        language: str = "en-US",
        media: dict[str, str] | None = None,
        before: str = "",
    ) -> None:
        self.browser = browser
        self.is_touched = True
        """Whether looking into the page counts as a gesture of the person, which lets it play sound."""
        self.context = browser.command("Target.createBrowserContext")["browserContextId"]
        target = browser.command("Target.createTarget", {"url": "about:blank", "browserContextId": self.context})[
            "targetId"
        ]
        self.session = browser.command("Target.attachToTarget", {"targetId": target, "flatten": True})["sessionId"]
        self._prepare(size, mobile, scale, language, media or {}, before)
        self.command("Page.navigate", {"url": url})
        self.wait("document.readyState === 'complete'")

    def _prepare(
        self, size: tuple[int, int], mobile: bool, scale: float, language: str, media: dict[str, str], before: str
    ) -> None:
        for domain in ("Page", "Runtime", "Log"):
            self.command(f"{domain}.enable")
        metrics = {"width": size[0], "height": size[1], "deviceScaleFactor": scale, "mobile": mobile}
        self.command("Emulation.setDeviceMetricsOverride", metrics)
        self.command("Emulation.setLocaleOverride", {"locale": language})
        agent = self.browser.command("Browser.getVersion")["userAgent"]
        self.command("Emulation.setUserAgentOverride", {"userAgent": agent, "acceptLanguage": language})
        self.emulate(media)
        if before:
            self.command("Page.addScriptToEvaluateOnNewDocument", {"source": before})

    def emulate(self, media: dict[str, str]) -> None:
        """What the system is said to prefer."""
        features = [{"name": name, "value": value} for name, value in media.items()]
        self.command("Emulation.setEmulatedMedia", {"features": features})

    def reload(self) -> None:
        self.eval("window.beforeReload = true")
        self.command("Page.reload")
        self.wait("!window.beforeReload && document.readyState === 'complete'")

    def command(self, method: str, params: dict[str, Any] | None = None) -> dict[str, Any]:
        return self.browser.command(method, params, self.session)

    def eval(self, expression: str) -> Any:
        parameters = {
            "expression": expression,
            "returnByValue": True,
            "awaitPromise": True,
            "userGesture": self.is_touched,
        }
        answer = self.command("Runtime.evaluate", parameters)
        if "exceptionDetails" in answer:
            details = answer["exceptionDetails"]
            raise PageError(details.get("exception", {}).get("description", details["text"]))
        return answer["result"].get("value")

    def wait(self, expression: str, timeout_s: float = 20.0) -> Any:
        """Waits inside the page until the expression is true; returns its value."""
        program = WAIT.replace("LIMIT_MS", str(timeout_s * 1000)).replace("CONDITION", expression)
        try:
            value = self.eval(program)
        except PageError as error:
            if "navigated" not in str(error) and "context" not in str(error).lower():
                raise
            value = self.eval(program)
        if not value:
            raise PageError(
                f"never true: {expression}\non the page: {self.text('body')[:800]}\nerrors: {self.problems()}"
            )
        return value

    def text(self, selector: str) -> str:
        return str(self.eval(f"document.querySelector({json.dumps(selector)})?.innerText ?? ''"))

    def click(self, selector: str) -> None:
        """A real click in the middle of the element: a user gesture, and a proof that nothing lies over it."""
        x, y = self._middle(selector)
        for kind in ("mousePressed", "mouseReleased"):
            self._mouse(kind, x, y)

    def press_pointer(self, selector: str) -> None:
        self._mouse("mousePressed", *self._middle(selector))

    def release_pointer(self, selector: str) -> None:
        self._mouse("mouseReleased", *self._middle(selector))

    def _mouse(self, kind: str, x: float, y: float) -> None:
        self.command("Input.dispatchMouseEvent", {"type": kind, "x": x, "y": y, "button": "left", "clickCount": 1})

    def _middle(self, selector: str) -> tuple[float, float]:
        quoted = json.dumps(selector)
        box = self.eval(
            f"(() => {{ const e = document.querySelector({quoted}); if (!e) return null; e.scrollIntoView({{block: 'nearest'}});"
            " const b = e.getBoundingClientRect(); return [b.x + b.width / 2, b.y + b.height / 2, b.width]; })()"
        )
        if not box or box[2] == 0:
            raise PageError(f"{selector} is not there to be clicked")
        return box[0], box[1]

    def key(self, key: str) -> None:
        self.key_down(key)
        self.key_up(key)

    def key_down(self, key: str) -> None:
        self._key("keyDown", key)

    def key_up(self, key: str) -> None:
        self._key("keyUp", key)

    def _key(self, kind: str, key: str) -> None:
        code = {" ": "Space", "/": "Slash"}.get(key, key if len(key) > 1 else f"Key{key.upper()}")
        number = KEY_CODES.get(key, ord(key.upper()[0]))
        parameters = {"type": kind, "key": key, "code": code, "windowsVirtualKeyCode": number}
        if kind == "keyDown" and (len(key) == 1 or key == "Enter"):
            parameters["text"] = "\r" if key == "Enter" else key
        self.command("Input.dispatchKeyEvent", parameters)

    def type(self, text: str) -> None:
        self.command("Input.insertText", {"text": text})

    def screenshot(self, path: Path) -> Path:
        path.write_bytes(base64.b64decode(self.command("Page.captureScreenshot", {"format": "png"})["data"]))
        return path

    def problems(self) -> list[str]:
        """What the page complained of: exceptions, failed loads, violations of its security policy."""
        found = []
        for event in self.browser.events:
            if event.get("sessionId") != self.session:
                continue
            found += _problem(event)
        return found

    def close(self) -> None:
        self.browser.command("Target.disposeBrowserContext", {"browserContextId": self.context})


def _problem(event: dict[str, Any]) -> list[str]:
    parameters = event["params"]
    if event["method"] == "Runtime.exceptionThrown":
        details = parameters["exceptionDetails"]
        return [details.get("exception", {}).get("description", details["text"])]
    if event["method"] == "Log.entryAdded" and parameters["entry"]["level"] == "error":
        return [f"{parameters['entry']['text']} {parameters['entry'].get('url', '')}"]
    return []


def until(condition: Callable[[], Any], timeout_s: float = 20.0) -> Any:
    """Waits outside the page, for what a server of the test sees."""
    deadline = time.monotonic() + timeout_s
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"never true: {condition}")
        time.sleep(0.01)
    return value
