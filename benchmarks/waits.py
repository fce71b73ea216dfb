"""One request after the other on one connection, by a process of its own: the longest wait, and how many failed.

`python -m benchmarks.waits PORT PATH FIELDS` asks until its standard input ends, and then says what it saw. It is no
thread of the run: that writes 20,000 routes meanwhile, and a thread would count the waits for Python's lock as the
proxy's.
"""

from __future__ import annotations

import gc
import http.client
import json
import subprocess
import sys
import threading
import time
from dataclasses import dataclass

from benchmarks.peers import ROOT

PATIENCE = 120.0
"""Seconds after which a request counts as failed."""

_PAUSE = 0.001


@dataclass(frozen=True)
class Waited:
    """What was seen; seconds.

    Attributes:
        longest: The longest that a request took.
        requests: How many there were.
        failed: Those without a good answer.
    """

    longest: float
    requests: int
    failed: int


class Waits:
    """Requests that are sent while this is entered.

    Args:
        port: Asked, on 127.0.0.1.
        path: Asked for.
        fields: Sent with each.
    """

    def __init__(self, port: int, path: str, fields: dict[str, str]) -> None:
        self._argv = [sys.executable, "-m", "benchmarks.waits", str(port), path, json.dumps(fields)]

    def __enter__(self) -> Waits:
        """Begin; the first request has been answered."""
        self._asking = subprocess.Popen(
            self._argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=str(ROOT)
        )
        assert self._asking.stdout is not None
        self._asking.stdout.readline()
        return self

    def __exit__(self, *error: object) -> None:
        """Ask no more."""
        if self._asking.returncode is None:
            self.end()

    def end(self) -> Waited:
        """Ask no more, and return what was seen.

        Raises:
            RuntimeError: The process has ended before.
        """
        said, _ = self._asking.communicate(timeout=2 * PATIENCE)
        if self._asking.returncode != 0 or not said:
            raise RuntimeError(f"benchmarks.waits ended with {self._asking.returncode}")
        return Waited(**json.loads(said))


def ask(port: int, path: str, fields: dict[str, str], over: threading.Event, begun: threading.Event) -> Waited:
    """Send one request after the other until it is over.

    Args:
        port: Asked, on 127.0.0.1.
        path: Asked for.
        fields: Sent with each.
        over: Ends it.
        begun: Set when the first has been answered, or has failed; that one does not count, its connection is new.
    """
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    longest, requests, failed = 0.0, 0, 0
    while not over.is_set():
        began = time.monotonic()
        try:
            client.request("GET", path, headers=fields)
            answer = client.getresponse()
            answer.read()
            good = answer.status == 200
        except (OSError, http.client.HTTPException):
            good = False
            client.close()
        if begun.is_set():
            longest = max(longest, time.monotonic() - began)
            requests += 1
            failed += not good
        begun.set()
        time.sleep(_PAUSE)
    client.close()
    return Waited(longest, requests, failed)


def main() -> None:
    """Ask until standard input ends."""
    port, path, fields = sys.argv[1:]
    over, begun = threading.Event(), threading.Event()
    gc.disable()  # a wait for our own collector is none of the proxy's

    def watch() -> None:
        begun.wait()
        print(flush=True)
        sys.stdin.read()
        over.set()

    threading.Thread(target=watch, daemon=True).start()
    print(json.dumps(vars(ask(int(port), path, json.loads(fields), over, begun))))


if __name__ == "__main__":
    main()
