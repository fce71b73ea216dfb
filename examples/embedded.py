"""A gateway inside an application: one more service under its own MultiService.

    python examples/embedded.py http://127.0.0.1:9001

starts it in front of one backend, asks it for `/name`, prints the answer and
stops both. An application of yours would keep running.
"""

from __future__ import annotations

import sys
from typing import Any

import treq
from twisted.application.service import MultiService
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.task import react

from gateway.lifecycle import GatewayService


def configuration(backend: str) -> dict[str, Any]:
    """Return what a file would hold; port 0 lets the system choose."""
    return {
        "listeners": [{"endpoint": "tcp:0:interface=127.0.0.1"}],
        "admin": {"endpoint": "tcp:0:interface=127.0.0.1"},
        "access_log": {"enabled": False},
        "upstreams": [{"name": "names", "backends": [{"url": backend}]}],
        "routes": [{"path": "/*", "upstream": "names"}],
    }


async def main(reactor: Any, backend: str) -> None:
    """Run the application."""
    application = MultiService()
    gateway = GatewayService(configuration(backend), reactor)
    gateway.setServiceParent(application)
    application.startService()
    _, address = gateway.addresses[0].split()
    response = await treq.get(f"http://{address}/name", reactor=reactor)
    print(response.code, await response.text())
    stopped: Deferred[Any] | None = application.stopService()
    if stopped is not None:
        await stopped


if __name__ == "__main__":
    react(lambda reactor, backend: ensureDeferred(main(reactor, backend)), sys.argv[1:2])
