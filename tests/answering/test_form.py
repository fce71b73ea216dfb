"""Paths that take forms: the body is read as a whole, within its bound, in whatever pieces it comes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from gateway.answering.form import MOST, FormLeaf
from gateway.exchange import Exchange
from gateway.headers import Headers
from gateway.message import Response
from gateway.serving.respond import render_token_error
from gateway.testing import Harness

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
HEAD = b"POST /form HTTP/1.1\r\nHost: g\r\nContent-Type: application/x-www-form-urlencoded\r\n"


async def echo(exchange: Exchange, body: bytes) -> Response:
    """Answer with the form."""
    return Response(200, Headers(), body)


Serve = Callable[..., Harness]


@pytest.fixture
def serve() -> Serve:
    """Make a gateway with a path for forms."""

    def made(answer: Any = echo) -> Harness:
        harness = Harness()
        leaf = FormLeaf("form", "/form", [], answer, render_token_error)
        harness.gateway.root.tree.own_paths[b"/form"] = leaf  # type: ignore[index]  # it is a dict
        return harness

    return made


@pytest.mark.parametrize(
    "media_type",
    [
        "application/x-www-form-urlencoded",
        "application/x-www-form-urlencoded; charset=UTF-8",
        "Application/X-WWW-Form-Urlencoded",
    ],
)
def test_a_form_is_answered(serve: Serve, media_type: str) -> None:
    """The media type counts in any case, and whatever parameters it has (RFC 9110 section 8.3.1)."""
    response = serve().request("POST", "/form", {"Content-Type": media_type}, b"a=1")

    assert (response.status, response.body) == (200, b"a=1")


@pytest.mark.parametrize("media_type", ["application/json", "multipart/form-data; boundary=a", "text/plain", ""])
def test_content_that_is_no_form_is_refused(serve: Serve, media_type: str) -> None:
    """400; some of these a page of another site can make a browser send."""
    headers = {"Content-Type": media_type} if media_type else {}

    response = serve().request("POST", "/form", headers, b"a=1")

    assert (response.status, response.json["error"]) == (400, "invalid_request")


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH"])
def test_another_method_is_told_which_there_is(serve: Serve, method: str) -> None:
    """405, and `Allow` names POST."""
    response = serve().request(method, "/form", FORM)

    assert (response.status, response.headers.get(b"Allow")) == (405, b"POST")


def test_parameters_in_the_url_are_refused(serve: Serve) -> None:
    """RFC 6749 section 2.3.1: logs write URLs down; the gateway's own log has no secret of it."""
    harness = serve()

    response = harness.request("POST", "/form?client_secret=s3cret", FORM, b"a=1")

    assert (response.status, response.json["error"]) == (400, "invalid_request")
    assert "s3cret" not in str(harness.logs)


def test_a_form_may_come_in_pieces(serve: Serve) -> None:
    """Of one octet each."""
    harness = serve()
    client = harness.send(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
    for octet in (b"a", b"=", b"1"):
        harness.send(b"1\r\n%b\r\n" % octet, client)

    harness.send(b"0\r\n\r\n", client)

    (response,) = client.responses(b"POST")
    assert (response.status, response.body) == (200, b"a=1")


def test_a_client_that_asks_first_is_told_to_go_on(serve: Serve) -> None:
    """A client that expects `100 Continue` gets it (RFC 9110 section 10.1.1)."""
    harness = serve()
    client = harness.send(HEAD + b"Expect: 100-continue\r\nContent-Length: 3\r\n\r\n")
    assert client.received.startswith(b"HTTP/1.1 100 ")

    harness.send(b"a=1", client)

    (response,) = client.responses(b"POST")
    assert (response.status, response.interims, response.body) == (200, [100], b"a=1")


@pytest.mark.parametrize("framing", ["length", "chunks"])
def test_a_form_that_is_too_long_is_not_read(serve: Serve, framing: str) -> None:
    """413, at the first octet over the bound."""
    harness = serve()
    long = b"a" * (MOST + 1)
    if framing == "length":
        client = harness.send(HEAD + b"Content-Length: %d\r\n\r\n" % len(long))
    else:
        client = harness.send(HEAD + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n" % (len(long), long))

    (response,) = client.responses(b"POST")
    assert (response.status, response.json["type"]) == (413, "urn:gateway:reason:request.too_large")


def test_a_form_of_just_that_size_is_read(serve: Serve) -> None:
    """A form of exactly `MOST` octets is still taken."""
    assert serve().request("POST", "/form", FORM, b"a" * MOST).body == b"a" * MOST


def test_a_client_that_stops_in_the_middle_is_timed_out(serve: Serve) -> None:
    """408 after `timeouts.client_body`."""
    harness = serve()
    client = harness.send(HEAD + b"Content-Length: 3\r\n\r\na=")

    harness.advance(31)

    (response,) = client.responses(b"POST")
    assert response.status == 408


@pytest.mark.parametrize("sent", [b"a=", b"a=1"])
def test_a_client_that_leaves_is_not_answered(serve: Serve, sent: bytes) -> None:
    """Whether it leaves while it sends or while it waits: the work on its answer is cancelled."""
    cancelled: list[Deferred[Response]] = []

    async def slow(exchange: Exchange, body: bytes) -> Response:
        return await Deferred(cancelled.append)

    harness = serve(slow)
    client = harness.send(HEAD + b"Content-Length: 3\r\n\r\n" + sent)

    client.reset()
    harness.network.pump()

    assert len(cancelled) == (sent == b"a=1")
    assert harness.gateway.root.in_flight == 0


def test_an_answer_that_takes_too_long_is_a_504(serve: Serve) -> None:
    """`timeouts.request` holds here as everywhere."""

    async def never(exchange: Exchange, body: bytes) -> Response:
        return await Deferred()

    harness = serve(never)
    client = harness.send(HEAD + b"Content-Length: 3\r\n\r\na=1")

    harness.advance(31)

    (response,) = client.responses(b"POST")
    assert response.status == 504


def test_requests_on_one_connection_are_answered_in_turn(serve: Serve) -> None:
    """A form, and another one behind it in the same segment."""
    one = HEAD + b"Content-Length: 3\r\n\r\na=1"

    client = serve().send(one + one.replace(b"a=1", b"b=2"))

    assert [response.body for response in client.responses(b"POST", b"POST")] == [b"a=1", b"b=2"]
