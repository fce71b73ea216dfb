"""How long `gateway replay` takes: a log is made up, and taken through two configurations.

`python -m benchmarks.replayed [LINES]` prints seconds by the clock and of the processor (of both processes), and what
reading the log alone takes, which is all that could be left if no request had to be made.
"""

from __future__ import annotations

import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import orjson

from gateway.recorded.log import RecordedLog
from gateway.recorded.order import by_beginning

LINES = 100_000
RATE = 50.0
"""Requests a second in the log."""

OLD = """\
upstreams:
  - {name: orders, backends: [{url: "http://127.0.0.1:9001"}, {url: "http://127.0.0.1:9002"}]}
  - {name: web, backends: [{url: "http://127.0.0.1:9003"}], circuit_breaker: {}}
routes:
  - {name: orders, path: /api/orders/*, upstream: orders, rate_limit: {requests: 100, window: 60s}, cors: {}}
  - {name: web, path: /*, upstream: web, security_headers: true}
"""
NEW = OLD.replace("requests: 100,", "requests: 8,")


def lines(count: int, chance: random.Random) -> Iterator[bytes]:
    """Yield the records of a log, as they would have been written."""
    now = 1_796_030_040.0
    for number in range(count):
        now += chance.expovariate(RATE)
        path = f"/api/orders/{chance.randrange(5000)}" if chance.random() < 0.7 else f"/pages/{chance.randrange(500)}"
        record = {
            "timestamp": now,
            "request_id": f"{number:08d}",
            "method": chance.choice(("GET", "GET", "GET", "POST")),
            "path": path,
            "status_code": chance.choices((200, 404, 500), (95, 4.5, 0.5))[0],
            "response_time_ms": round(chance.lognormvariate(3.5, 0.8), 3),
            "client_ip": f"192.0.2.{chance.randrange(250)}",
            "host": "api.example.com",
            "user_agent": "benchmark",
        }
        yield orjson.dumps(record) + b"\n"


def main() -> None:
    """Measure once."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else LINES
    with tempfile.TemporaryDirectory() as place:
        log, old, new = (Path(place, name) for name in ("access.log", "old.yaml", "new.yaml"))
        with log.open("wb") as file:
            file.writelines(lines(count, random.Random(1)))  # noqa: S311  # the same each time
        old.write_text(OLD)
        new.write_text(NEW)
        begun = time.process_time()
        assert sum(1 for _ in by_beginning(RecordedLog(str(log)))) == count
        print(f"reading alone: {time.process_time() - begun:.1f} s of the processor")
        for words, more in (("against the log", []), ("against another", ["--against", str(old)])):
            before, begun = _used(), time.perf_counter()
            command = [sys.executable, "-m", "gateway.cli", "replay", str(log), "--config", str(new), *more]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            wall, used = time.perf_counter() - begun, _used() - before
            assert done.returncode == 1, done.stderr
            most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
            result = done.stdout.splitlines()[2]
            print(f"{words}: {wall:.1f} s, {used:.1f} s of the processor, {most} MiB at most: {result}")


def _used() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    main()
