"""Exchanges: their attributes at the beginning, and those that are worked out later."""

from __future__ import annotations

from gateway.body import Body
from gateway.exchange import Downstream, Exchange
from gateway.headers import Headers
from gateway.message import Request
from gateway.peer import Forwarding, Peer
from gateway.principal import Principal


class Proxy(Forwarding):
    """A peer that is a trusted proxy, and says who the client is."""

    def client_address(self, headers: Headers) -> str:
        return (headers.get(b"x-forwarded-for") or b"").decode()

    def scheme(self, headers: Headers) -> bytes:
        return headers.get(b"x-forwarded-proto") or b"http"

    def believed(self, headers: Headers) -> Headers:
        return headers

    def encode(self, headers: Headers, host: bytes, version: bytes = b"1.1") -> bytes:
        return b""


def exchange(*fields: tuple[bytes, bytes], body: Body | None = None) -> Exchange:
    """An exchange that begins now."""
    request = Request(b"GET", b"/users/7?full=1", Headers(fields), host=b"h", body=body)
    return Exchange(request, Downstream(), Peer("192.0.2.1", Proxy()), 100.0, 130.0)


def test_who_the_client_is_the_proxy_says() -> None:
    """Asked once at the beginning: a step that changes the fields later does not change the address."""
    made = exchange((b"X-Forwarded-For", b"203.0.113.7"), (b"X-Forwarded-Proto", b"https"))
    address, scheme = made.client_address, made.scheme
    made.request.headers = Headers()

    assert (address, scheme, made.client_address) == ("203.0.113.7", b"https", "203.0.113.7")


def test_the_user_is_whom_a_credential_stands_for() -> None:
    """None before authentication."""
    made = exchange()
    before = made.user
    made.principal = Principal("ada")

    assert (before, made.user) == (None, "ada")


def test_content_is_counted_by_the_body() -> None:
    """Without a body it is 0."""
    body = Body()
    made = exchange(body=body)
    body.push(b"12345")

    assert (exchange().bytes_received, made.bytes_received) == (0, 5)


def test_plugins_have_a_place_of_their_own() -> None:
    """Made on first use; each exchange has its own."""
    made = exchange()
    made.state["seen"] = True

    assert (made.state, exchange().state) == ({"seen": True}, {})


def test_the_path_is_that_of_the_request_until_routing_has_its_normal_form() -> None:
    """Without the query."""
    assert exchange().path == b"/users/7"


def test_what_is_asked_beside_a_client_knows_what_steps_have_found_out() -> None:
    """The fields that steps add are its own: what it adds to them the other one does not get."""
    made, beside = exchange((b"X-Forwarded-For", b"203.0.113.7")), exchange()
    made.path, made.params, made.principal = b"/users/8", {"id": "8"}, Principal("ada")
    made.request_id, made.trace_id, made.headers_out = "r", "t", [(b"X-User", b"ada")]

    beside.inherit(made)
    beside.headers_out.append((b"X-More", b"1"))

    assert (beside.client_address, beside.path, beside.params) == ("203.0.113.7", b"/users/8", {"id": "8"})
    assert (beside.user, beside.request_id, beside.trace_id) == ("ada", "r", "t")
    assert made.headers_out == [(b"X-User", b"ada")]
