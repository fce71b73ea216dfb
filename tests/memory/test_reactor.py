"""A reactor that opens nothing, and still finds what opening would fail on."""

from __future__ import annotations

import pytest
from OpenSSL.SSL import Error as SSLError
from twisted.internet.endpoints import serverFromString
from twisted.internet.protocol import Factory

from gateway.memory.reactor import MemoryReactor


def test_a_port_that_is_taken_is_no_matter() -> None:
    """It listens on nothing."""
    reactor = MemoryReactor()
    failures: list[object] = []
    for _ in range(2):
        serverFromString(reactor, "tcp:80:interface=127.0.0.1").listen(Factory()).addErrback(failures.append)

    assert (failures, len(reactor.tcpServers)) == ([], 2)


def test_a_certificate_is_looked_at() -> None:
    """Twisted's memory reactor would not: the context is made when a client comes."""

    class Unusable:
        def getContext(self) -> None:
            raise SSLError([("x509", "", "key values mismatch")])

    with pytest.raises(SSLError, match="mismatch"):
        MemoryReactor().listenSSL(443, Factory(), Unusable())
