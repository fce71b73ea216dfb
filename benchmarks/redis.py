"""A Redis server of the run's own, for scenarios that count in one."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from benchmarks.processes import Command, Process, free_port
from benchmarks.progress import warn
from benchmarks.stand import Stand


@contextmanager
def redis_settings(stand: Stand) -> Iterator[dict[str, Any] | None]:
    """Start one; gives the settings that let a gateway count in it, None where there is no such program."""
    program = shutil.which("redis-server") or shutil.which("valkey-server")
    if program is None:
        warn("no redis-server: limits in Redis are left out")
        yield None
        return
    port = free_port()
    argv = [program, "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
    with Process(Command(argv), stand.file(f"redis-{port}.log")) as redis:
        redis.wait_for_port(port)
        yield {"rate_limit_store": "redis", "redis": {"url": f"redis://127.0.0.1:{port}/0"}}
