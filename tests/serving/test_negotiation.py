"""Which version a client speaks; whole requests by either are in `tests/flow/test_http2.py`."""

from __future__ import annotations

import gc
import sys
from typing import Any

import pytest
from twisted.internet.interfaces import IHalfCloseableProtocol, IProtocol, ISSLTransport
from zope.interface import directlyProvides

from gateway.http2.codes import PREFACE
from gateway.serving.http1_channel import Http1Channel
from gateway.serving.http2_channel import Http2Channel
from gateway.serving.negotiation import Negotiation
from gateway.testing import Harness


class Transport:
    """Takes what is written."""

    def __init__(self, agreed: bytes | None = None, secure: bool = False) -> None:
        self.written = b""
        self.producer: Any = None
        self.negotiatedProtocol = agreed
        if secure:
            directlyProvides(self, ISSLTransport)

    def write(self, data: bytes) -> None:
        self.written += data

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        assert self.producer is None
        self.producer = producer

    def unregisterProducer(self) -> None:
        self.producer = None

    def pauseProducing(self) -> None:
        pass

    def resumeProducing(self) -> None:
        pass

    def loseConnection(self) -> None:
        pass

    def loseWriteConnection(self) -> None:
        pass


def first(data: bytes, transport: Transport) -> Negotiation:
    """A connection whose first octets these are."""
    negotiation = Negotiation(Harness("orders").gateway.site, "192.0.2.1")
    negotiation.makeConnection(transport)
    negotiation.dataReceived(data)
    return negotiation


@pytest.mark.parametrize(
    ("agreed", "data", "kind"),
    [
        (b"h2", PREFACE, Http2Channel),
        (b"h2", b"G", Http2Channel),
        (b"http/1.1", b"GET / HTTP/1.1\r\n", Http1Channel),
        (None, b"GET / HTTP/1.1\r\n", Http1Channel),
        (None, PREFACE, Http1Channel),
        (b"http/1.1", PREFACE, Http1Channel),
    ],
)
def test_over_tls_the_handshake_decides(agreed: bytes | None, data: bytes, kind: type) -> None:
    """Whatever is sent."""
    negotiation = first(data, Transport(agreed, secure=True))

    assert type(negotiation.channel) is kind


@pytest.mark.parametrize(
    ("data", "kind"), [(PREFACE, Http2Channel), (b"GET / HTTP/1.1\r\n", Http1Channel), (b"PR /", Http1Channel)]
)
def test_on_clear_text_the_preface_decides(data: bytes, kind: type) -> None:
    """Twenty-four octets; what cannot become them any more is not waited for."""
    transport = Transport()
    negotiation = first(data, transport)

    assert type(negotiation.channel) is kind
    assert transport.producer in (negotiation.channel, None)  # what is no HTTP at all is answered, and closed


def test_it_can_be_turned_off_on_clear_text() -> None:
    """The preface is a request like others then; over TLS what was agreed on holds."""
    for transport, kind in ((Transport(), Http1Channel), (Transport(b"h2", secure=True), Http2Channel)):
        negotiation = Negotiation(Harness("orders").gateway.site, "192.0.2.1", by_preface=False)
        negotiation.makeConnection(transport)
        negotiation.dataReceived(PREFACE)
        assert type(negotiation.channel) is kind


def test_the_channel_is_called_without_a_detour() -> None:
    """From the first octets on a transport calls the channel's own methods."""
    for negotiation in (first(b"GET / HTTP/1.1\r\n", Transport()), first(PREFACE, Transport())):
        channel = negotiation.channel
        for name in ("dataReceived", "connectionLost", "readConnectionLost", "writeConnectionLost"):
            assert getattr(negotiation, name) == getattr(channel, name)
        assert IProtocol.providedBy(negotiation)
        assert IHalfCloseableProtocol.providedBy(negotiation)


@pytest.mark.parametrize("name", ["protocol", "wrappedProtocol"])
@pytest.mark.parametrize(
    ("data", "kind"), [(PREFACE, Http2Channel), (b"GET / HTTP/1.1\r\n", Http1Channel), (b"", Http1Channel)]
)
def test_a_transport_calls_the_channel_itself(name: str, data: bytes, kind: type) -> None:
    """From then on, so that the negotiation is gone; also where a client ends its half and has said nothing."""
    transport = Transport()
    negotiation = Negotiation(Harness("orders").gateway.site, "192.0.2.1")
    setattr(transport, name, negotiation)
    negotiation.makeConnection(transport)
    assert getattr(transport, name) is negotiation
    if data:
        negotiation.dataReceived(data)
    else:
        negotiation.readConnectionLost()

    assert getattr(transport, name) is negotiation.channel
    assert type(negotiation.channel) is kind
    assert not [one for one in gc.get_referrers(negotiation) if one is not sys._getframe()]


def test_who_stands_between_transport_and_connection_stays_there() -> None:
    """A transport of another's endpoint calls a wrapper, and that goes on to call the negotiation."""
    transport = Transport()
    wrapper = transport.protocol = object()  # type: ignore[attr-defined]
    negotiation = Negotiation(Harness("orders").gateway.site, "192.0.2.1")
    negotiation.makeConnection(transport)
    negotiation.dataReceived(b"GET / HTTP/1.1\r\n")

    assert transport.protocol is wrapper  # type: ignore[attr-defined]


def test_one_connection_is_one_connection() -> None:
    """In the site's list, in each state: whoever drains waits for it, and does not take it for two or none."""
    site = Harness("orders").gateway.site
    negotiation = Negotiation(site, "192.0.2.1")
    negotiation.makeConnection(Transport())
    assert list(site.channels) == [negotiation.channel]
    negotiation.dataReceived(PREFACE[:10])
    assert list(site.channels) == [negotiation.channel]
    negotiation.dataReceived(PREFACE[10:])
    assert list(site.channels) == [negotiation.channel]
    assert isinstance(negotiation.channel, Http2Channel)
    negotiation.connectionLost(None)
    assert not site.channels
