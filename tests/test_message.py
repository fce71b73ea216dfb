"""Request and response heads, and the tunnel of a response; tests/flow/test_upgrade.py has tunnels at work."""

from __future__ import annotations

from typing import Any, cast

import pytest

from gateway.headers import Headers
from gateway.message import ClientEnd, OpenTunnel, Request, Response, Tunnel, TunnelEnd


class Backend(OpenTunnel):
    """Writes down which end joins it."""

    def __init__(self) -> None:
        self.joined: list[TunnelEnd] = []

    def join(self, other: TunnelEnd) -> None:
        self.joined.append(other)


class Client(ClientEnd):
    """Writes down how it is closed."""

    def __init__(self) -> None:
        self.closed: list[tuple[int, str]] = []

    def close_tunnel(self, code: int, reason: str) -> None:
        self.closed.append((code, reason))


@pytest.mark.parametrize(
    ("target", "path", "query"),
    [(b"/a?b=c", b"/a", b"b=c"), (b"/a", b"/a", b""), (b"/a?b?c", b"/a", b"b?c"), (b"*", b"*", b"")],
)
def test_a_target_has_a_path_and_a_query(target: bytes, path: bytes, query: bytes) -> None:
    """The first question mark divides them."""
    request = Request(b"GET", target, Headers())

    assert (request.path, request.query) == (path, query)


def test_the_length_of_octets_is_known() -> None:
    """The length of a stream is known only where it is given."""
    assert Response(200, body=b"four").length == 4
    assert Response(200).length is None
    assert Response(200, length=7).length == 7


@pytest.mark.parametrize("early", [False, True])
def test_a_tunnel_is_closed_at_its_client_whenever_that_joins(early: bool) -> None:
    """A tunnel that was closed before its client's end joined closes that at once, and only once."""
    backend, client = Backend(), Client()
    tunnel = Tunnel(lambda: backend)
    if early:
        tunnel.close(1008, "first")
        tunnel.close(1001, "second")
    assert tunnel.take() is backend
    tunnel.join(client)
    assert backend.joined == [client]
    if not early:
        tunnel.close(1008, "first")

    assert client.closed == [(1008, "first")]


@pytest.mark.parametrize("method", ["tunnel_half_closed", "tunnel_lost", "pause_reading", "resume_reading"])
def test_an_end_says_what_it_does_not_do(method: str) -> None:
    """A method that is not implemented raises when it is called, and does not pass for one that does nothing."""
    with pytest.raises(NotImplementedError):
        getattr(cast("Any", TunnelEnd()), method)()
