from __future__ import annotations

import errno
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from OpenSSL import SSL
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.defer import Deferred
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IReactorTCP
from twisted.internet.protocol import Factory
from twisted.internet.testing import MemoryReactorClock

from gateway.listening.certificate_error import CertificateError
from gateway.listening.endpoints import ListenFailed, Listening, ListeningReactor, listen, words
from gateway.transport.port import ConnectionLimit


def refusal(description: str) -> str:
    """What `listen` says against an endpoint string."""
    failed: list[Any] = []
    listening: Deferred[Any] = listen(MemoryReactorClock(), description, Factory())
    listening.addErrback(failed.append)
    failed[0].trap(ListenFailed)
    assert failed[0].value.endpoint == description
    return str(failed[0].value)


def test_an_unknown_kind_of_endpoint_is_told() -> None:
    """In one line that starts like all of them."""
    assert refusal("foo:8080") == "cannot listen on foo:8080: Unknown endpoint type: 'foo'"
    assert "SECRET" not in refusal("http://user:SECRET@h")


def test_a_port_that_is_no_number_is_told() -> None:
    """As an operator would mistype it."""
    assert "invalid literal" in refusal("tcp:http-alt")


def test_a_missing_argument_is_told() -> None:
    """Without the names of Twisted's functions."""
    assert refusal("tcp") == "cannot listen on tcp: missing 1 required positional argument: 'port'"


def test_a_key_that_is_not_there_is_named() -> None:
    """For Twisted's own TLS endpoint as for ours."""
    assert refusal("ssl:8443:privateKey=/nowhere/key.pem") == (
        "cannot listen on ssl:8443:privateKey=/nowhere/key.pem: cannot read /nowhere/key.pem: no such file or directory"
    )


def test_a_file_that_is_no_certificate_is_told(tmp_path: Path) -> None:
    """In one line still."""
    (tmp_path / "key.pem").write_text("nothing here")

    said = refusal(f"ssl:8443:privateKey={tmp_path}/key.pem")

    assert "\n" not in said
    assert not said.endswith(": ")


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (CannotListenError("", 80, OSError(errno.EACCES, "Permission denied")), "permission denied"),
        (CertificateError("a.pem: not a certificate"), "a.pem: not a certificate"),
        (SSL.Error([("x509", "", "key values mismatch")]), "certificate or key not usable: key values mismatch"),
        (OSError(errno.EADDRNOTAVAIL, "Cannot assign requested address"), "cannot assign requested address"),
        (ValueError(), "ValueError"),
    ],
)
def test_words(error: Exception, expected: str) -> None:
    """Each kind of error in a few of them."""
    assert words(error) == expected


class Port:
    """An open port at some address."""

    def __init__(self, address: object) -> None:
        self._address = address

    def getHost(self) -> object:
        return self._address


@pytest.mark.parametrize(
    ("endpoint", "address", "expected"),
    [
        ("tcp:0:interface=127.0.0.1", IPv4Address("TCP", "127.0.0.1", 8080), "tcp 127.0.0.1:8080"),
        ("tcp6:0", IPv6Address("TCP", "::1", 8080), "tcp6 [::1]:8080"),
        ("sni:0:certificates=live", IPv4Address("TCP", "0.0.0.0", 443), "sni 0.0.0.0:443"),
        ("unix:/run/g.sock", UNIXAddress("/run/g.sock"), "unix /run/g.sock"),
    ],
)
def test_the_description_has_the_real_address(endpoint: str, address: object, expected: str) -> None:
    """And no paths of keys."""
    port: Any = Port(address)

    assert Listening(endpoint, port).describe() == expected


def test_of_two_certificates_for_a_name_the_first_to_end_counts() -> None:
    """Which one a client gets depends on what it can do: both have to be good."""
    store: Any = Mock(shown=[("a.example", 3.0), ("b.example", 9.0), ("a.example", 2.0)])
    port: Any = Port(UNIXAddress("/run/g.sock"))

    assert Listening("sni:0", port, [store]).certificates() == {"a.example": 2.0, "b.example": 9.0}


def test_the_reactor_is_the_real_one_but_for_ports() -> None:
    """Interfaces and all."""
    real = MemoryReactorClock()
    reactor = ListeningReactor(real, "tcp:1", ConnectionLimit(), ())

    assert IReactorTCP.providedBy(reactor)
    assert reactor.seconds() == 0
    reactor.callLater(5, lambda: None)
    assert len(real.getDelayedCalls()) == 1
