"""Drive a proxy with h2load (nghttp2), over HTTP/2 or at a pace of HTTP/1.1, and read what it counted.

Counts are of its summary, latencies of its log, which has a line for each request. A run has a number of requests and
not of seconds: h2load opens no connection in place of one whose server says GOAWAY, as gateways do that want theirs to
be opened anew after a while, and at the end of a timed run requests would be left unanswered that have cost something.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.wrk import Load, LoadFailed

MOST_A_CONNECTION = 9_000
"""Requests of a run on one connection: the gateway says GOAWAY after 10,000."""

_FINISHED = re.compile(r"^finished in ([0-9.]+)(m?s|us), ", re.MULTILINE)
_COUNTS = re.compile(
    r"^requests: .*?(\d+) done, (\d+) succeeded, (\d+) failed, (\d+) errored, (\d+) timeout", re.MULTILINE
)
_TRAFFIC = re.compile(r"^traffic: \S+ \((\d+)\) total", re.MULTILINE)
_HTTP2 = re.compile(r"^Application protocol: h2c?$", re.MULTILINE)
_HTTP1 = re.compile(r"^Application protocol: http/1\.1$", re.MULTILINE)
_UNITS = {"s": 1.0, "ms": 1e-3, "us": 1e-6}


def parse(output: str, log: str, protocol: re.Pattern[str] = _HTTP2) -> Load:
    """Read a run.

    Args:
        output: What h2load printed.
        log: A line for each request: when it began, its status, and how long it took, in microseconds.
        protocol: The line that says which version of HTTP it has to be.

    Raises:
        LoadFailed: It broke off, or spoke another version of HTTP.
    """
    finished, counts, traffic = _FINISHED.search(output), _COUNTS.search(output), _TRAFFIC.search(output)
    if finished is None or counts is None or traffic is None or protocol.search(output) is None:
        raise LoadFailed(output.strip()[-500:] or "h2load printed nothing")
    _, succeeded, failed, errored, timeout = map(int, counts.groups())
    # An error is a failure too, and counted as both.
    took = sorted(int(line.split("\t")[2]) / 1e6 for line in log.splitlines())
    if not took:
        raise LoadFailed("h2load kept no log")
    return Load(
        seconds=float(finished[1]) * _UNITS[finished[2]],
        requests=succeeded,
        received=int(traffic[1]),
        mean=sum(took) / len(took),
        p50=took[len(took) // 2],
        p99=took[len(took) * 99 // 100],
        failed=max(failed, errored, timeout),
    )


def command(
    url: str,
    log: Path,
    requests: int,
    connections: int,
    streams: int,
    headers: Sequence[tuple[str, str]],
    body: Path | None,
) -> list[str]:
    """Say how h2load is started.

    Args:
        url: Asked for, each time.
        log: Where its log goes.
        requests: In all.
        connections: At a time.
        streams: On each connection, at a time.
        headers: Sent with every request.
        body: A file that is sent with every request, by POST; None: GET.
    """
    argv = ["h2load", "-t1", f"-c{connections}", f"-m{streams}", f"-n{requests}", f"--log-file={log}"]
    for name, value in headers:
        argv += ["-H", f"{name.lower()}: {value}"]
    return [*argv, *(["-d", str(body)] if body else []), url]


def run(
    url: str,
    requests: int,
    connections: int,
    streams: int,
    headers: Sequence[tuple[str, str]],
    body: Path | None = None,
    timeout: float = 120,
) -> Load:
    """Send requests and return the counts; see `command`.

    Raises:
        LoadFailed: h2load is missing, ended with an error, or hung.
    """
    return _run(lambda log: command(url, log, requests, connections, streams, headers, body), timeout, _HTTP2)


def run_at_pace(
    url: str, seconds: float, connections: int, pace: int, headers: Sequence[tuple[str, str]], timeout: float = 120
) -> Load:
    """Send requests of HTTP/1.1 at a pace, and return the counts.

    Args:
        url: Asked for, each time.
        seconds: For how long.
        connections: Among which the requests are shared out evenly.
        pace: Requests a second on each connection.
        headers: Sent with every request.
        timeout: Seconds, after which it hangs.

    Raises:
        LoadFailed: h2load is missing, ended with an error, or hung.
    """
    requests = round(pace * seconds) * connections

    def argv(log: Path) -> list[str]:
        plain, *rest = command(url, log, requests, connections, 1, headers, None)
        return [plain, "--h1", f"--rps={pace}", *rest]

    return _run(argv, timeout, _HTTP1)


def _run(command: Callable[[Path], list[str]], timeout: float, protocol: re.Pattern[str]) -> Load:
    with tempfile.TemporaryDirectory(prefix="h2load-") as directory:
        log = Path(directory) / "log"
        argv = command(log)
        try:
            ended = subprocess.run(argv, capture_output=True, text=True, timeout=timeout, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise LoadFailed(str(error)) from error
        if ended.returncode != 0:
            raise LoadFailed((ended.stderr or ended.stdout).strip()[-500:])
        return parse(ended.stdout, log.read_text() if log.exists() else "", protocol)
