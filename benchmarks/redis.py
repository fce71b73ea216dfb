"""A Redis server of the run's own, for scenarios that count in one."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Iterator, Mapping, Sequence
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


def ask(url: str, *words: str) -> str:
    """Send one command and return its answer: a status, a number or a text.

    Args:
        url: Of a server as `redis_settings` gives it.
        words: The command.

    Raises:
        RuntimeError: It is refused, or answered with something else.
    """
    address = urlsplit(url)
    with socket.create_connection((address.hostname or "", address.port or 0), timeout=30) as connection:
        connection.sendall(_command(words))
        replies = connection.makefile("rb")
        line = replies.readline().decode().rstrip()
        if line[:1] == "$":
            return replies.read(int(line[1:])).decode()
    if line[:1] not in ("+", ":"):
        raise RuntimeError(f"Redis answered {' '.join(words)} with {line!r}")
    return line[1:]


def info(url: str, section: str) -> dict[str, str]:
    """Return what Redis says of itself.

    Args:
        url: Of a server as `redis_settings` gives it.
        section: `cpu`, `commandstats`, `memory`, …
    """
    lines = ask(url, "INFO", section).splitlines()
    return dict(line.split(":", 1) for line in lines if ":" in line)


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
            connection.sendall(_command(("HSET", key, *(word for pair in some for word in pair))))
            reply = replies.readline()
            if reply != b":%d\r\n" % len(some):
                raise RuntimeError(f"Redis put {reply!r} of {len(some)} members")


def _command(words: Sequence[str]) -> bytes:
    texts = [b"$%d\r\n%b\r\n" % (len(word), word) for word in map(str.encode, words)]
    return b"*%d\r\n%b" % (len(words), b"".join(texts))
