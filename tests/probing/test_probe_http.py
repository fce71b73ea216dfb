"""HTTP checks: what is sent and how answers are judged; tests/flow/test_active_health.py has whole checks."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.error import ConnectionRefusedError  # noqa: A004  # Twisted's name for it
from twisted.internet.task import Clock

from gateway.dialling.fetching import Fetcher
from gateway.memory.backend import FakeBackend, ok
from gateway.memory.network import MemoryNetwork
from gateway.probing.probe_http import MOST, HttpProbe
from gateway.probing.prober import CheckFailed


class Bench:
    """A probe, and the backend that it checks."""

    def __init__(self, headers: dict[str, str] | None = None, body: str = "") -> None:
        self.clock = Clock()
        self.network = MemoryNetwork(self.clock, None)
        self.backend = FakeBackend(self.network, "127.0.0.1", 9001)
        fetcher = Fetcher(self.clock, self.network, None, 2.0, MOST, glance=True)
        url = "http://127.0.0.1:9001/up?deep=[1]"
        self.probe = HttpProbe(fetcher, url, "127.0.0.1:9001", headers or {}, [(200, 299)], {}, body)

    def check(self) -> Any:
        """Check once; return the error, None where the backend has passed."""
        over: list[Any] = []
        done = self.probe.run().addBoth(over.append)
        self.network.pump()
        self.clock.advance(2.0)
        self.network.pump()
        assert done.called
        return over[0] if over[0] is None else over[0].value


def test_a_check_says_who_it_is() -> None:
    """And asks for neither compressed content nor a kept connection."""
    bench = Bench()

    assert bench.check() is None
    asked = bench.backend.last
    assert (asked.method, asked.target) == (b"GET", b"/up?deep=[1]")
    assert {lower: value for lower, _, value in asked.headers.fields} == {
        b"host": b"127.0.0.1:9001",
        b"user-agent": b"gateway-health-check",
        b"accept": b"*/*",
        b"accept-encoding": b"identity",
        b"connection": b"close",
    }
    assert bench.backend.connection.closed is not None


def test_fields_of_the_configuration_stand_in_for_ours() -> None:
    """In any case of their names; octets beyond ASCII go out as they are."""
    bench = Bench({"host": "orders.internal", "USER-AGENT": "probe/1", "X-Name": "caf\xe9"})

    assert bench.check() is None
    headers = bench.backend.last.headers
    assert headers.get_all(b"host") == [b"orders.internal"]
    assert headers.get_all(b"user-agent") == [b"probe/1"]
    assert headers.get_all(b"x-name") == [b"caf\xc3\xa9"]


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (ok(status=b"503 Busy"), "status 503, wanted 200-299"),
        (ok(b"DOWN"), "the content of the answer is not as wanted"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nUP", "no whole answer in 2 s"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "it is not HTTP: ParseError"),
    ],
)
def test_what_is_wrong_is_said(answer: bytes, words: str) -> None:
    """The text of the failure is for the log and the admin listener."""
    bench = Bench(body="UP")
    bench.backend.answers(answer)

    error = bench.check()

    assert isinstance(error, CheckFailed)
    assert str(error) == words


def test_a_packed_answer_is_judged_by_its_status() -> None:
    """Some servers compress whatever they are asked for."""
    bench = Bench()
    bench.backend.answers(ok(b"\x1f\x8b no gzip at all", (b"Content-Encoding", b"gzip")))

    assert bench.check() is None


def test_without_a_connection_the_failure_is_the_dialers() -> None:
    """`describe` tells failures by their class."""
    bench = Bench()
    bench.backend.refuse_connections()

    assert isinstance(bench.check(), ConnectionRefusedError)
