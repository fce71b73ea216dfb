"""A Redis server of the run's own, for scenarios that count in one."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from benchmarks.processes import Command, Process, free_port
from benchmarks.progress import warn
from benchmarks.stand import Stand

_AT_ONCE = 1000


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


def put(url: str, key: str, members: Mapping[str, str]) -> None:
    """Put members into a hash, a thousand with each command.

    Args:
        url: Of a server as `redis_settings` gives it.
        key: The hash.
        members: To be put.

    Raises:
        RuntimeError: Redis has not put them all.
    """
    address = urlsplit(url)
    pairs = list(members.items())
    with socket.create_connection((address.hostname or "", address.port or 0), timeout=30) as connection:
        replies = connection.makefile("rb")
        for start in range(0, len(pairs), _AT_ONCE):
            some = pairs[start : start + _AT_ONCE]
            words = [word.encode() for word in ("HSET", key, *(word for pair in some for word in pair))]
            texts = [b"$%d\r\n%b\r\n" % (len(word), word) for word in words]
            connection.sendall(b"*%d\r\n%b" % (len(words), b"".join(texts)))
            reply = replies.readline()
            if reply != b":%d\r\n" % len(some):
                raise RuntimeError(f"Redis put {reply!r} of {len(some)} members")
