"""The factory of client connections: what is the same for all of them, and when the last one is gone."""

from __future__ import annotations

from twisted.internet.address import IPv4Address, UNIXAddress
from twisted.web.resource import IResource
from twisted.web.server import Site

from gateway.testing import Harness


def test_it_is_a_site() -> None:
    """Whoever serves Twisted's can serve ours; but nothing of a form is parsed, and nothing is timed by it."""
    site = Harness("orders").gateway.site
    site.startFactory()
    site.stopFactory()

    assert isinstance(site, Site)
    assert site.requestFactory.__name__ == "Request"


def test_a_channel_knows_its_peer() -> None:
    """By address; on a UNIX socket there is none."""
    site = Harness("orders").gateway.site

    assert site.buildProtocol(IPv4Address("TCP", "192.0.2.7", 1)).address == "192.0.2.7"
    assert site.buildProtocol(UNIXAddress(b"/x")).address == ""
    assert site.buildProtocol(None).address == ""


def test_connections_are_counted_and_watched() -> None:
    """From open to closed."""
    gateway = Harness("orders")
    site = gateway.gateway.site
    client = gateway.client()
    assert (len(site.channels), len(gateway.gateway.foundation.deadlines)) == (1, 1)
    client.close()
    gateway.network.pump()

    assert (len(site.channels), len(gateway.gateway.foundation.deadlines)) == (0, 0)


def test_nobody_is_drained_at_once() -> None:
    """Also before anyone has come."""
    assert Harness("orders").gateway.site.drain().called


def test_a_drained_site_says_close() -> None:
    """To who comes all the same."""
    gateway = Harness("orders")
    gateway.gateway.site.drain()

    assert gateway.get("/orders/7").headers.get(b"Connection") == b"close"


def test_its_resource_is_one_of_twisted_s() -> None:
    """Who takes it for a site of `twisted.web` finds what such a site renders."""
    assert IResource.providedBy(Harness("orders").gateway.site.resource)
