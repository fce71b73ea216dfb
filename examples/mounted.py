"""The gateway's routes beside an application's own pages, in one stock `twisted.web` site.

    python examples/mounted.py http://127.0.0.1:9001

serves `/about` itself, all routes under `/api` and one route alone under
`/names`, asks for each, prints the answers and stops. An application of yours
would keep running.
"""

from __future__ import annotations

import sys
from typing import Any

import treq
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.task import react
from twisted.web.resource import Resource
from twisted.web.server import Site
from twisted.web.static import Data

from gateway.lifecycle import GatewayService


def configuration(backend: str) -> dict[str, Any]:
    """Return what a file would hold; the gateway needs no listener of its own beside the site."""
    return {
        "listeners": [],
        "admin": {"endpoint": "tcp:0:interface=127.0.0.1"},
        "access_log": {"enabled": False},
        "upstreams": [{"name": "names", "backends": [{"url": backend}]}],
        "routes": [
            {"name": "api", "path": "/api/*", "upstream": "names"},
            {"name": "names", "path": "/names/*", "upstream": "names"},
        ],
    }


def site(gateway: GatewayService) -> Site:
    """Put the application's pages and the gateway's routes into one site."""
    root = Resource()
    root.putChild(b"about", Data(b"about us", "text/plain"))
    root.putChild(b"api", gateway.resource())  # all routes
    root.putChild(b"names", gateway.resource("names"))  # the route of that name, and no other
    return Site(root)


async def main(reactor: Any, backend: str) -> None:
    """Run the application."""
    gateway = GatewayService(configuration(backend), reactor)
    gateway.startService()
    port = reactor.listenTCP(0, site(gateway), interface="127.0.0.1")
    for path in ("/about", "/api/name", "/names/name", "/names"):
        response = await treq.get(f"http://127.0.0.1:{port.getHost().port}{path}", reactor=reactor, persistent=False)
        print(response.code, await response.text())
    await port.stopListening()
    stopped: Deferred[Any] | None = gateway.stopService()
    if stopped is not None:
        await stopped


if __name__ == "__main__":
    react(lambda reactor, backend: ensureDeferred(main(reactor, backend)), sys.argv[1:2])
