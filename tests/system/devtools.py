"""Chromium driven by its own protocol, over two pipes: a page that is loaded, asked, clicked and looked at.

See https://chromedevtools.github.io/devtools-protocol/.
"""

from __future__ import annotations

import base64
import json
import os
import select
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.system.browser import command

PATIENCE = 60.0
"""Seconds for an answer, and for what should come soon: browsers are slow where machines are."""


class PageError(AssertionError):
    """A script that was to be run on the page has failed."""


class Page:
    """One tab.

    Args:
        reads: The end of a pipe that answers come from.
        writes: The end of a pipe that commands go to.

    Attributes:
        complaints: What the page has said of errors so far: exceptions, and what its policy has refused.
    """

    def __init__(self, reads: int, writes: int) -> None:
        self._reads, self._writes = reads, writes
        self._number = 0
        self._unread = b""
        self._session = ""
        self.complaints: list[str] = []
        targets = self.call("Target.getTargets")["targetInfos"]
        target = next(one["targetId"] for one in targets if one["type"] == "page")
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Give a command; returns what it answers."""
        self._number += 1
        said = {"id": self._number, "method": method, "params": params}
        if self._session:
            said["sessionId"] = self._session
        data = json.dumps(said).encode() + b"\0"
        while data:
            data = data[os.write(self._writes, data) :]
        end = time.monotonic() + PATIENCE
        while True:
            answer = self._next(end)
            if answer.get("id") == self._number:
                assert "error" not in answer, (method, answer["error"])
                result: dict[str, Any] = answer["result"]
                return result
            self._hear(answer)

    def _next(self, end: float) -> dict[str, Any]:
        while b"\0" not in self._unread:
            ready, _, _ = select.select([self._reads], [], [], max(0.0, end - time.monotonic()))
            assert ready, "the browser does not answer"
            data = os.read(self._reads, 1 << 20)
            assert data, "the browser has ended"
            self._unread += data
        one, _, self._unread = self._unread.partition(b"\0")
        found: dict[str, Any] = json.loads(one)
        return found

    def _hear(self, event: dict[str, Any]) -> None:
        params = event.get("params", {})
        if event.get("method") == "Runtime.exceptionThrown":
            self.complaints.append(json.dumps(params["exceptionDetails"])[:1000])
        elif event.get("method") == "Log.entryAdded" and params["entry"]["level"] == "error":
            self.complaints.append(f"{params['entry']['text']} {params['entry'].get('url', '')}")
        elif event.get("method") == "Page.javascriptDialogOpening":
            self.complaints.append(f"a dialog: {params['message']}")

    def show(self, url: str) -> None:
        """Go to an address."""
        self.call("Page.navigate", url=url)
        self.until("document.readyState === 'complete'")

    def run(self, script: str) -> Any:
        """Return the value of an expression, which may be a promise."""
        said = self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in said:
            raise PageError(json.dumps(said["exceptionDetails"])[:2000])
        return said["result"].get("value")

    def until(self, script: str, patience: float = PATIENCE) -> Any:
        """Wait until an expression is true; returns its value."""
        end = time.monotonic() + patience
        while True:
            found = self.run(script)
            if found:
                return found
            assert time.monotonic() < end, (script, self.run("document.body.innerText")[:3000], self.complaints)
            time.sleep(0.05)

    def sees(self, text: str, patience: float = PATIENCE) -> None:
        """Wait until a text is to be read on the page."""
        self.until(f"document.body.innerText.includes({json.dumps(text)})", patience)

    def click(self, words: str, role: str = "button, a") -> None:
        """Click what has these words on it, as soon as it is there and can be clicked."""
        those = f"[...document.querySelectorAll({json.dumps(role)})]"
        found = f"{those}.find(one => one.innerText.trim() === {json.dumps(words)} && !one.disabled)"
        self.until(f"{found} !== undefined")
        self.run(f"{found}.click()")

    def type(self, label: str, text: str) -> None:
        """Put a text into the field that a label is for, in place of what it has."""
        named = f"one => one.innerText.trim().startsWith({json.dumps(label)})"
        found = f"[...document.querySelectorAll('label')].find({named})?.control"
        self.until(f"!!{found}")
        self.run(
            f"(() => {{ const field = {found}; field.focus(); field.value = {json.dumps(text)};"
            "field.dispatchEvent(new Event('input', {bubbles: true}));"
            "field.dispatchEvent(new Event('change', {bubbles: true})); })()"
        )

    def press(self, key: str) -> None:
        """Press a key, where the keyboard is."""
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key)

    def become(self, width: int, height: int = 900, dark: bool = False) -> None:
        """Have a window of this size, in these colours."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        colours = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[colours])

    def picture(self) -> bytes:
        """Return a PNG of the window."""
        return base64.b64decode(self.call("Page.captureScreenshot", format="png", optimizeForSpeed=False)["data"])


@contextmanager
def browsing(directory: Path) -> Iterator[Page]:
    """Run a browser for as long as the context lasts; gives its tab."""
    commands, answers = os.pipe(), os.pipe()
    # The browser reads commands from descriptor 3 and answers on 4.
    words = 'exec "$@" 3<&"$IN" 4>&"$OUT"'
    run = command(directory, "--remote-debugging-pipe", "about:blank")
    with (directory / "browser.log").open("wb") as log:
        process = subprocess.Popen(
            ["bash", "-c", words, "bash", *run],
            env={**os.environ, "IN": str(commands[0]), "OUT": str(answers[1])},
            pass_fds=(commands[0], answers[1]),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        os.close(commands[0])
        os.close(answers[1])
        yield Page(answers[0], commands[1])
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(20)
        os.close(answers[0])
        os.close(commands[1])
