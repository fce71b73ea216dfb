"""HTTP/2 over TLS, in memory: what a client may ask for on a connection that it has."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.address import IPv4Address

from gateway.listening.certificates import CertificateStore
from gateway.listening.listeners import Entry
from gateway.testing import Harness
from gateway.transport.memory_tls import MemoryTLS
from gateway.transport.sessions import Begun, ClientSessions
from gateway.transport.tls import over_tls
from tests.http2.client import Http2Client
from tests.pki import Authority


class Session(ClientSessions):
    """A client's, which trusts an authority, and asks for a server by name."""

    def __init__(self, ca: Path, name: str) -> None:
        self._context = ssl.create_default_context(cafile=ca)
        self._context.set_alpn_protocols(["h2"])
        self._name = name

    def begin(self, now: float) -> Begun:
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        return Begun(self._context.wrap_bio(incoming, outgoing, server_hostname=self._name), incoming, outgoing)

    def verify(self, session: Any, now: float) -> None:
        pass

    def over(self, session: Any) -> None:
        pass


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """With a certificate for two names."""
    authority = Authority()
    authority.write(tmp_path / "ca.pem")
    authority.write_identity(tmp_path / "shown.pem", "a.test", "*.b.test")
    return tmp_path


def connect(gateway: Harness, place: Path, address: str = "192.0.2.1") -> Http2Client:
    """Shake hands with `a.test`."""
    clock = gateway.network.clock
    store = CertificateStore([place / "shown.pem"], alpn=[b"h2", b"http/1.1"])
    door = gateway.gateway.listeners.factory_of(Entry("tcp:8443", http2=True))
    client = Http2Client()
    gateway.network.connect(
        MemoryTLS(Session(place / "ca.pem", "a.test"), client, clock),
        over_tls(store, door, clock, client=False).buildProtocol(IPv4Address("TCP", address, 50000)),
        address,
    )
    gateway.network.pump()
    return client


def leave(gateway: Harness, client: Http2Client) -> None:
    """The client hangs up."""
    transport: Any = client.transport
    transport.abortConnection()
    gateway.network.pump()


def test_a_host_that_the_certificate_does_not_cover_is_misdirected(make: Any, place: Path) -> None:
    """421, and the connection goes on: for what it covers, whatever was asked before (RFC 9110 section 15.5.20)."""
    gateway: Harness = make("orders")
    client = connect(gateway, place)
    asked = ["a.test", "x.b.test", "c.test", "c.test:8443", "a.test", "127.0.0.1", "x.b.test:1"]
    answers = [client.request("GET", "/orders", authority=host) for host in asked]
    gateway.network.pump()

    assert [answer.status for answer in answers] == [200, 200, 421, 421, 200, 421, 200]
    assert answers[2].json["type"].endswith("request.misdirected")
    assert len(gateway.backend("orders").requests) == 4
    assert [record["reason"] for record in gateway.logs if record["status_code"] == 421] == ["request.misdirected"] * 3
    assert client.goaways == []
    leave(gateway, client)


def test_a_trusted_proxy_asks_for_whatever_it_likes(make: Any, place: Path) -> None:
    """Its connections are for the hosts of its clients."""
    gateway: Harness = make("orders", trusted_proxies=["192.0.2.9"])
    client = connect(gateway, place, "192.0.2.9")
    answer = client.request("GET", "/orders", authority="c.test")
    gateway.network.pump()

    assert answer.status == 200
    leave(gateway, client)


def test_in_the_clear_there_is_no_certificate(make: Any) -> None:
    """So every host may be asked for."""
    gateway: Harness = make("orders")
    client = Http2Client()
    gateway.memory.accept(client, "192.0.2.1")
    answers = [client.request("GET", "/orders", authority=host) for host in ("a.test", "c.test")]
    gateway.network.pump()

    assert [answer.status for answer in answers] == [200, 200]
