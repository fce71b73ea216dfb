"""Where the connections of a listener come in; `tests/flow/test_listeners.py` has the routes that are there."""

from __future__ import annotations

from twisted.internet.address import IPv4Address
from twisted.internet.interfaces import IProtocolFactory, IProtocolNegotiationFactory

from gateway.composition.assembly import door
from gateway.serving.contract import Host
from gateway.serving.http1_channel import Http1Channel
from gateway.serving.negotiation import Negotiation
from gateway.testing import Harness


def test_a_door_is_what_a_port_and_a_connection_want() -> None:
    """A factory to the one, the site to the other."""
    site = Harness("orders").gateway.site
    made = door(site, "tcp:8080")

    assert IProtocolFactory.providedBy(made)
    assert isinstance(made, Host)
    assert made.buildProtocol(IPv4Address("TCP", "192.0.2.7", 1)).address == "192.0.2.7"
    assert made.buildProtocol(None).address == ""
    assert door(site, "ssl:8080:privateKey=k.pem") is made
    assert door(site, "tcp:8081") is not made


def test_a_door_has_what_is_in_force_at_the_site() -> None:
    """Copied when it changes: options, what was read before, whether it drains; clocks do not change."""
    harness = Harness("orders")
    site = harness.gateway.site
    made = door(site, "tcp:8080")
    before = made.memo
    assert (made.options, made.memo, made.draining) == (site.options, site.memo, False)

    harness.apply(timeouts={"client_idle": 7})
    assert made.options.client_idle == 7
    assert made.memo is site.memo is not before
    site.part()
    assert made.draining
    assert (made.now, made.date, made.random) == (site.now, site.date, site.random)


def test_what_a_port_has_offered_it_speaks() -> None:
    """A reload that turns HTTP/2 off turns no client away whose handshake has begun."""
    listeners = [{"name": "ssl:8080", "endpoint": "ssl:8080", "http2": True}]
    harness = Harness("orders", listeners=listeners)
    made = door(harness.gateway.site, "ssl:8080")
    assert IProtocolNegotiationFactory.providedBy(made)
    made.offers(http2=True)
    assert made.acceptableProtocols() == [b"h2", b"http/1.1"]
    made.offers(http2=False)
    harness.apply(listeners=[listeners[0] | {"http2": False}])

    assert made.acceptableProtocols() == [b"http/1.1"]
    assert isinstance(made.buildProtocol(None), Negotiation)
    other = door(Harness("orders", listeners=[listeners[0] | {"http2": False}]).gateway.site, "ssl:8080")
    assert other.acceptableProtocols() == [b"http/1.1"]
    assert isinstance(other.buildProtocol(None), Http1Channel)
