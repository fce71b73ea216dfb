"""An exchange for one step alone: no connection, no chain."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

import pytest

from gateway.exchange import Downstream, Exchange
from gateway.headers import Headers
from gateway.message import Request
from tests.peers import direct

PEER = "192.0.2.7"


@dataclass(frozen=True)
class Route:
    name: str = "users"
    pattern: str = "/users/:id"
    request_timeout: float = 30.0


class MakeExchange(Protocol):
    def __call__(
        self,
        headers: Iterable[tuple[bytes, bytes]] = ...,
        target: bytes = ...,
        method: bytes = ...,
        version: bytes = ...,
    ) -> Exchange: ...


def exchange_for(
    headers: Iterable[tuple[bytes, bytes]] = (),
    target: bytes = b"/users/7",
    method: bytes = b"GET",
    version: bytes = b"1.1",
) -> Exchange:
    """Make an exchange that began at second 100 and was over at 100.25, without an answer."""
    request = Request(method, target, Headers(headers), host=b"api.example.com", version=version)
    # No step under test here speaks to the client.
    made = Exchange(request, Downstream(), direct(PEER), started=100.0, deadline=130.0)
    made.route = Route()
    made.finished = 100.25
    return made


@pytest.fixture
def make() -> MakeExchange:
    """Make an exchange; for examples of hypothesis there is the function itself."""
    return exchange_for
