"""A real Chromium that tests drive by the DevTools protocol, over pipes: no package is needed."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import select
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

FLAGS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"),
    *("--no-first-run", "--disable-extensions", "--disable-background-networking"),
    *("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"),
    *("--remote-debugging-pipe", "--mute-audio"),
)
PATIENCE = 20.0  # seconds


class Browser:
    """One tab. Skips the test where there is no Chromium.

    Args:
        profile: an empty folder.
    """

    def __init__(self, profile: Path):
        if not (chromium := shutil.which("chromium")):
            pytest.skip("no chromium")
        (read, self._send), (self._receive, write) = os.pipe(), os.pipe()
        low = [fcntl.fcntl(end, fcntl.F_DUPFD, 100) for end in (read, write)]

        def connect() -> None:
            os.dup2(low[0], 3)
            os.dup2(low[1], 4)

        self._process = subprocess.Popen(
            [chromium, *FLAGS, f"--user-data-dir={profile}", "about:blank"],
            pass_fds=(3, 4),
            preexec_fn=connect,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for end in (read, write, *low):
            os.close(end)
        self._waiting, self._count = b"", 0
        self.session = ""
        self.requests: list[str] = []  # addresses that were asked for
        self.lines: list[str] = []  # of the console
        pages = self._call("Target.getTargets")["targetInfos"]
        target = next(one["targetId"] for one in pages if one["type"] == "page")
        attached = self._call("Target.attachToTarget", targetId=target, flatten=True)
        self.session = attached["sessionId"]
        for domain in ("Page", "Runtime", "DOM", "Network", "Log"):
            self._call(f"{domain}.enable")

    def __enter__(self) -> Browser:
        return self

    def __exit__(self, *error: object) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._send)
        os.close(self._receive)

    def open(self, url: str, width: int = 1200, height: int = 1000, dark: bool = False) -> None:
        """Load a page, in a window of that size."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self._call("Emulation.setDeviceMetricsOverride", **size)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self._call("Emulation.setEmulatedMedia", features=[scheme])
        self._call("Page.navigate", url=url)

    def run(self, script: str) -> Any:
        """The value of an expression of JavaScript, awaited."""
        found = self._call(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def wait(self, script: str, patience: float = PATIENCE) -> Any:
        """The value of an expression as soon as it is true."""
        end = time.monotonic() + patience
        while not (found := self.run(script)):
            assert time.monotonic() < end, f"never true: {script}: {self.run(BODY)[:2000]}"
            time.sleep(0.05)
        return found

    def click(self, selector: str) -> None:
        """Click on an element as soon as it is there."""
        chosen = f"document.querySelector({json.dumps(selector)})"
        self.wait(f"{chosen} !== null && !{chosen}.disabled")
        self.run(f"{chosen}.click()")

    def upload(self, selector: str, path: str) -> None:
        """Choose a file in an input."""
        chosen = f"document.querySelector({json.dumps(selector)})"
        self.wait(f"{chosen} !== null")
        found = self._call("Runtime.evaluate", expression=chosen)["result"]["objectId"]
        self._call("DOM.setFileInputFiles", files=[os.path.realpath(path)], objectId=found)

    def write(self, selector: str, text: str) -> None:
        """Type into a box."""
        self.run(f"document.querySelector({json.dumps(selector)}).focus()")
        self._call("Input.insertText", text=text)

    def picture(self, path: Path) -> None:
        """Write a PNG of the whole page."""
        found = self._call("Page.captureScreenshot", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(found["data"]))

    def _call(self, method: str, **params: Any) -> dict[str, Any]:
        self._count += 1
        message: dict[str, Any] = {"id": self._count, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        os.write(self._send, json.dumps(message).encode() + b"\0")
        end = time.monotonic() + PATIENCE
        while True:
            found = self._message(end, method)
            if found.get("id") == self._count:
                assert "error" not in found, found
                return found["result"]
            self._note(found)

    def _message(self, end: float, method: str) -> dict[str, Any]:
        while b"\0" not in self._waiting:
            left = end - time.monotonic()
            assert left > 0, f"no reply to {method}"
            if select.select([self._receive], [], [], left)[0]:
                self._waiting += os.read(self._receive, 2**20)
        one, self._waiting = self._waiting.split(b"\0", 1)
        return json.loads(one)

    def _note(self, event: dict[str, Any]) -> None:
        params = event.get("params", {})
        if event.get("method") == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])
        if event.get("method") == "Log.entryAdded":
            self.lines.append(params["entry"]["text"])
        if event.get("method") == "Runtime.exceptionThrown":
            self.lines.append(str(params["exceptionDetails"])[:500])


BODY = "document.body ? document.body.innerText : ''"
