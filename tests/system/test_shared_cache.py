"""A cache that instances share: real gateways on a real Redis, which is paused, killed and started again."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
import requests

from tests.system.gateway_process import GatewayProcess, one_upstream, until
from tests.system.redis_server import RedisServer, redis_server

TOKEN = "the-token-of-the-admin-port-0123456789"
DEADLINE = 0.2
"""`redis.timeout`."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer with another content each time."""
        server: Any = self.server
        server.asked += 1
        content = str(server.asked).encode()
        if self.path == "/slow":
            server.goes_on.wait(10)
        self.send_response(200)
        for name, value in {"Cache-Control": "max-age=60", "Vary": "X-Mode", "Surrogate-Key": "one two"}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args: Any) -> None:
        """Nobody looks."""


class Counting(ThreadingHTTPServer):
    """A backend.

    Attributes:
        asked: How often it was.
        goes_on: Set when it may answer on `/slow`.
    """

    daemon_threads = True

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.asked = 0
        self.goes_on = Event()


@contextmanager
def counting() -> Iterator[Counting]:
    """Run a backend that counts."""
    with Counting(("127.0.0.1", 0), _Handler) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


class Instance:
    """A gateway with a cache.

    Attributes:
        backend: Its backend.
    """

    def __init__(
        self, stack: ExitStack, directory: Path, backend: Counting, redis: RedisServer, store: str = "redis"
    ) -> None:
        self.backend = backend
        url = f"http://127.0.0.1:{backend.server_address[1]}"
        directory.mkdir()
        self.process = GatewayProcess(directory)
        self.process.configure(
            **one_upstream(url, name="pages", cache={}),
            redis={"url": redis.url, "timeout": DEADLINE},
            cache_store=store,
            admin={"endpoint": f"tcp:{self.process.admin_port}:interface=127.0.0.1", "token": TOKEN},
        )
        stack.callback(self.process.stop)
        self.process.start()

    def get(self, path: str = "/a", **fields: str) -> tuple[str, str]:
        """Return content and `Cache-Status`."""
        headers = {"Host": "pages.test", **{name.replace("_", "-"): value for name, value in fields.items()}}
        got = requests.get(f"http://127.0.0.1:{self.process.port}{path}", headers=headers, timeout=10)
        assert got.status_code == 200
        assert "surrogate-key" not in got.headers
        return got.text, got.headers["cache-status"]

    def hits(self, **fields: str) -> bool:
        """Whether a request is answered from the cache."""
        return "; hit" in self.get(**fields)[1]

    def purge(self, **what: str) -> requests.Response:
        """Purge."""
        return requests.post(
            f"http://127.0.0.1:{self.process.admin_port}/cache/purge",
            data=json.dumps(what),
            headers={"Authorization": f"Bearer {TOKEN}"},
            timeout=10,
        )

    def is_up(self) -> bool:
        """Whether it says that its store answers."""
        return self.process.metric("gateway_store_up") == 1


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    """A server."""
    with redis_server(tmp_path) as server:
        yield server


@pytest.fixture
def two(tmp_path: Path, redis: RedisServer) -> Iterator[tuple[Instance, Instance]]:
    """Two instances before one backend."""
    with ExitStack() as stack:
        backend = stack.enter_context(counting())
        yield Instance(stack, tmp_path / "one", backend, redis), Instance(stack, tmp_path / "two", backend, redis)


def test_what_one_keeps_both_give(two: tuple[Instance, Instance]) -> None:
    """Each variant for those who ask for it."""
    one, other = two
    first, status = one.get(X_Mode="a")
    assert status == "gateway; fwd=uri-miss; stored"
    until(lambda: other.get(X_Mode="a")[0] == one.get(X_Mode="a")[0])

    assert one.hits(X_Mode="a")
    assert other.hits(X_Mode="a")
    assert other.get(X_Mode="b")[0] != first
    assert other.is_up()


@pytest.mark.parametrize("what", ["url", "tag", "route", "everything"])
def test_a_purge_reaches_every_instance(two: tuple[Instance, Instance], what: str) -> None:
    """From the moment in which it is answered."""
    one, other = two
    one.get()
    until(other.hits)
    said = {"url": "http://pages.test/a", "tag": "two", "route": "pages"}

    answered = one.purge(**({} if what == "everything" else {what: said[what]}))

    assert answered.status_code == 200
    assert not other.hits()


def test_nobody_joins_a_fetch_that_was_begun_before_a_purge_elsewhere(two: tuple[Instance, Instance]) -> None:
    """Its answer may be of before; who has waited for it gets it all the same."""
    one, other = two
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(other.get, "/slow")
        until(lambda: one.backend.asked == 1)
        assert one.purge(tag="one").status_code == 200
        last = threads.submit(other.get, "/slow")
        until(lambda: one.backend.asked == 2)
        one.backend.goes_on.set()

        assert first.result()[0] == "1"
        assert last.result()[0] == "2"


def test_purges_of_memory_reach_every_instance_through_redis(tmp_path: Path, redis: RedisServer) -> None:
    """Where there is a `redis` section; each has its own answers."""
    with ExitStack() as stack:
        backend = stack.enter_context(counting())
        one, other = (Instance(stack, tmp_path / name, backend, redis, "memory") for name in ("one", "two"))
        one.get()
        other.get()
        assert one.hits()
        assert other.hits()

        assert one.purge(tag="two").status_code == 200

        assert not one.hits()
        until(lambda: not other.hits())


def test_redis_that_stands_still_or_is_gone_is_no_error(two: tuple[Instance, Instance], redis: RedisServer) -> None:
    """The backend is asked, and nobody waits longer than `redis.timeout`; a purge then is a 503, and is told later."""
    one, other = two
    until(one.hits)
    kept = one.get()[0]

    def asks_the_backend(act: Callable[[], object]) -> None:
        act()
        for _ in range(5):
            began = time.monotonic()
            text, _ = one.get()
            assert text != kept
            assert time.monotonic() - began < DEADLINE + 1.0  # a busy machine has its share

    asks_the_backend(redis.pause)
    assert one.purge(tag="one").status_code == 503
    redis.resume()
    until(one.is_up)
    one.get()
    until(one.hits)
    assert one.get()[0] != kept, "the purge was told"
    kept = one.get()[0]
    asks_the_backend(redis.kill)
    redis.start()
    until(one.hits)
    until(other.hits)
