"""An application asks backends itself, through its gateway: balancing, breaker, retries and pool of an upstream.

    python examples/asking.py http://127.0.0.1:9001

asks the backend by treq, reads a short answer, reads a long one part by part, uploads something, shows what an error
looks like, and stops. An application of yours would keep running.
"""

from __future__ import annotations

import io
import sys
from typing import Any

import treq
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.task import react

from gateway.errors import GatewayError
from gateway.lifecycle import GatewayService


def configuration(backend: str) -> dict[str, Any]:
    """Return what a file would hold: an upstream with a backend, and one whose backend is down; nobody is served."""
    return {
        "listeners": [],
        "admin": {"endpoint": "tcp:0:interface=127.0.0.1"},
        "access_log": {"enabled": False},
        "upstreams": [
            {"name": "names", "backends": [{"url": backend}]},
            {"name": "down", "backends": [{"url": "http://127.0.0.1:1"}]},
        ],
        "routes": [],
    }


async def ask(gateway: GatewayService) -> None:
    """Ask for a name."""
    agent = gateway.agent("names")
    response = await treq.get("gateway://names/name", agent=agent, timeout=5)
    print(response.code, await response.text())


async def stream(gateway: GatewayService) -> None:
    """Count the octets of an answer as they come; at no time is all of it in memory."""
    received = 0

    def count(part: bytes) -> None:
        nonlocal received
        received += len(part)

    response = await treq.get("gateway://names/bytes/300000", agent=gateway.agent("names"), unbuffered=True)
    await treq.collect(response, count)
    print(received, "octets")


async def upload(gateway: GatewayService) -> None:
    """Send a file; it is read as fast as the backend takes it."""
    file = io.BytesIO(b"x" * 1_000_000)
    response = await treq.post("gateway://names/sink", agent=gateway.agent("names"), data=file)
    print(response.code, await response.text())


async def fail(gateway: GatewayService) -> None:
    """Ask where nobody listens."""
    agent = gateway.agent("down", timeout="2s", retry={"attempts": 1})
    try:
        await treq.get("gateway://down/", agent=agent)
    except GatewayError as error:
        print(error.reason, error.status)


async def main(reactor: Any, backend: str) -> None:
    """Run the application."""
    gateway = GatewayService(configuration(backend), reactor)
    gateway.startService()
    for example in (ask, stream, upload, fail):
        await example(gateway)
    stopped: Deferred[Any] | None = gateway.stopService()
    if stopped is not None:
        await stopped


if __name__ == "__main__":
    react(lambda reactor, backend: ensureDeferred(main(reactor, backend)), sys.argv[1:2])
