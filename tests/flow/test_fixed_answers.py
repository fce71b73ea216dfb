"""Routes that the gateway answers itself: `respond`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.testing import Harness

Make = Callable[..., Harness]
OWN: tuple[dict[str, Any], ...] = ({"respond": {"body": "ok"}}, {"redirect": {"host": "h"}})
"""Answers of the gateway's own."""


def answering(make: Make, settings: dict[str, Any] | None = None, /, **respond: Any) -> Harness:
    """One route with a fixed answer, and one with a backend."""
    routes = [
        {"name": "fixed", "path": "/fixed", "respond": respond, **(settings or {})},
        {"name": "orders", "path": "/orders", "upstream": "orders"},
    ]
    return make("orders", routes=routes)


def test_a_text(make: Make) -> None:
    """Whatever the method; nothing is asked of a backend; the record names the route."""
    made = answering(make, body="ok")

    for method in ("GET", "POST", "DELETE", "OPTIONS", "PROPFIND"):
        received = made.request(method, "/fixed?x")
        assert (received.status, received.body, received.headers.get(b"content-type")) == (200, b"ok", b"text/plain")
    assert made.backend("orders").requests == []
    assert (made.last_log["route"], made.last_log["status_code"], made.last_log["bytes_sent"]) == ("fixed", 200, 2)
    assert made.get("/fixed").headers.get(b"x-request-id")


def test_status_fields_and_type_are_as_written(make: Make) -> None:
    """A page for maintenance."""
    made = answering(
        make,
        status=503,
        body="<p>später",
        content_type="text/html; charset=utf-8",
        headers={"Retry-After": "120", "Cache-Control": "no-store", "X-Why": "$${status}"},
    )

    received = made.get("/fixed", If_None_Match="*")

    assert (received.status, received.body) == (503, "<p>später".encode())
    assert received.headers.get(b"content-type") == b"text/html; charset=utf-8"
    assert received.headers.get(b"retry-after") == b"120"
    assert received.headers.get(b"cache-control") == b"no-store"
    assert received.headers.get(b"x-why") == b"${status}"
    assert b"etag" not in received.headers
    assert b"gateway-reason" not in received.headers


def test_head_has_the_head_of_get(make: Make) -> None:
    """Length and entity tag, and no content."""
    made = answering(make, body="hello")

    got, head = made.get("/fixed"), made.request("HEAD", "/fixed")

    assert (head.status, head.body, head.headers.get(b"content-length")) == (200, b"", b"5")
    assert head.headers.get(b"etag") == got.headers.get(b"etag") is not None


@pytest.mark.parametrize("field", ["{}", "W/{}", '"a", {}', '"a,b" , W/{},"c"', "*", " * "])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_who_has_it_already_gets_a_304(make: Make, field: str, method: str) -> None:
    """With the fields that say how long it may be kept, and none about content."""
    made = answering(make, body="hello", headers={"Cache-Control": "max-age=60", "Content-Language": "en"})
    etag = (made.get("/fixed").headers.get(b"etag") or b"").decode()

    received = made.request(method, "/fixed", {"If-None-Match": field.format(etag)})

    assert etag.startswith('"')
    assert (received.status, received.body) == (304, b"")
    assert received.headers.get(b"etag") == etag.encode()
    assert received.headers.get(b"cache-control") == b"max-age=60"
    for name in (b"content-type", b"content-length", b"content-language", b"transfer-encoding"):
        assert name not in received.headers
    assert made.metric("gateway_requests_total", route="fixed", status="304") == 1


@pytest.mark.parametrize("field", ['"other"', "", "{bare}", 'W/"', '"{bare}', "**"])
def test_who_has_something_else_gets_it(make: Make, field: str) -> None:
    """What is no entity tag names nothing; several lines are one list."""
    made = answering(make, body="hello")
    etag = (made.get("/fixed").headers.get(b"etag") or b"").decode()

    assert made.get("/fixed", If_None_Match=field.format(bare=etag.strip('"'))).status == 200
    client = made.send(
        f'GET /fixed HTTP/1.1\r\nHost: h\r\nIf-None-Match: "a"\r\nIf-None-Match: {etag}\r\n\r\n'.encode()
    )
    assert client.received.startswith(b"HTTP/1.1 304")
    assert made.request("POST", "/fixed", {"If-None-Match": "*"}).status == 200


def test_what_is_something_else_has_another_entity_tag(make: Make) -> None:
    """Content, type and coding count."""
    tags = {
        answering(make, **respond).get("/fixed").headers.get(b"etag")
        for respond in (
            {"body": "a"},
            {"body": "b"},
            {"body": "a", "content_type": "text/html"},
            {"body": "a", "headers": {"Content-Encoding": "br"}},
        )
    }

    assert len(tags) == 4
    assert answering(make, body="a").get("/fixed").headers.get(b"etag") in tags


@pytest.mark.parametrize(("status", "length"), [(204, None), (205, b"0"), (304, None)], ids=["204", "205", "304"])
def test_a_status_without_content(make: Make, status: int, length: bytes | None) -> None:
    """The next answer on the connection is read from the right place."""
    made = answering(make, status=status, headers={"X-A": "1"})

    client = made.client()
    received = made.request("GET", "/fixed", client=client)

    assert (received.status, received.body, received.headers.get(b"content-length")) == (status, b"", length)
    assert b"content-type" not in received.headers
    assert made.request("GET", "/fixed", client=client).headers.get(b"x-a") == b"1"


def test_nothing_is_an_answer_too(make: Make) -> None:
    """`respond: {}` is an empty 200."""
    received = answering(make).get("/fixed")

    assert (received.status, received.body, received.headers.get(b"content-length")) == (200, b"", b"0")


@pytest.mark.parametrize("answer", OWN, ids=["fixed", "redirect"])
@pytest.mark.parametrize("rest", [b"", b"lo"], ids=["whole", "cut"])
def test_content_that_nobody_reads(make: Make, answer: dict[str, Any], rest: bytes) -> None:
    """What comes of it later is never taken for a request; a client that has sent it all goes on."""
    made = make("orders", routes=[{"path": "/x", **answer}, {"path": "/orders", "upstream": "orders"}])
    smuggled = b"GET /orders HTTP/1.1\r\nHost: h\r\n\r\n"
    content = smuggled + rest
    head = b"POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n" % len(content)

    client = made.send(head + smuggled[:10])
    made.send(content[10:], client)

    assert client.received.count(b"HTTP/1.1 ") == 1
    assert made.backend("orders").requests == []
    assert b"Connection: close" in client.received
    client = made.send(head + content + b"GET /x HTTP/1.1\r\nHost: h\r\n\r\n")
    assert client.received.count(b"HTTP/1.1 ") == 2
    assert made.backend("orders").requests == []


def test_a_client_that_asks_before_it_sends_is_answered_at_once(make: Make) -> None:
    """`Expect: 100-continue`: it need not send what nobody reads."""
    made = answering(make, body="ok")

    client = made.send(b"POST /fixed HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n")

    assert client.received.startswith(b"HTTP/1.1 200")
    assert b"\r\nConnection: close\r\n" in client.received


def test_a_client_of_http_1_0(make: Make) -> None:
    """It gets the whole, and the connection ends."""
    client = answering(make, body="ok").send(b"GET /fixed HTTP/1.0\r\n\r\n")

    assert client.received.endswith(b"\r\n\r\nok")
    assert client.closed is not None


@pytest.mark.parametrize("answer", OWN, ids=["fixed", "redirect"])
def test_limits_and_authentication_come_first(make: Make, answer: dict[str, Any]) -> None:
    """As on any route; the log, the metrics and the fields of a limit are there."""
    status = 200 if "respond" in answer else 308
    made = make(
        "orders",
        routes=[
            {"name": "key", "path": "/key", "auth": {"type": "api_key"}, **answer},
            {"name": "limit", "path": "/limit", "rate_limit": {"limit": 1, "window": "60s"}, **answer},
            {"name": "address", "path": "/address", "ip_deny": ["192.0.2.0/24"], **answer},
            {"name": "method", "path": "/method", "methods": ["GET"], **answer},
            {"name": "body", "path": "/body", "request_body": 3, **answer},
        ],
        auth={"api_keys": {"keys": [{"id": "a", "key": "0123456789abcdef-key"}]}},
    )

    assert (made.get("/key").status, made.last_log["reason"]) == (401, "auth.invalid")
    assert made.get("/key", X_API_Key="0123456789abcdef-key").status == status
    limited = made.get("/limit")
    assert (limited.status, limited.headers.get(b"x-ratelimit-remaining")) == (status, b"0")
    assert (made.get("/limit").status, made.last_log["reason"]) == (429, "limit.exceeded")
    assert made.get("/address").status == 403
    assert (made.request("POST", "/method").status, made.request("HEAD", "/method").status) == (405, status)
    assert made.request("POST", "/body", body=b"four").status == 413
    assert made.metric("gateway_requests_total", route="key", status=str(status)) == 1
    assert made.metric("gateway_requests_total", route="limit", status="429") == 1


def test_a_file(make: Make, tmp_path: Path) -> None:
    """Its type is told by its name."""
    file = tmp_path / "robots.txt"
    file.write_text("User-agent: *\nDisallow: /${x}\n")
    received = answering(make, file=str(file)).get("/fixed")

    assert received.body == file.read_bytes()
    assert received.headers.get(b"content-type") == b"text/plain; charset=utf-8"
    assert received.headers.get(b"content-length") == b"%d" % len(received.body)


def test_a_changed_file(make: Make, tmp_path: Path) -> None:
    """It is read again with the configuration; one that cannot be used changes nothing."""
    file = tmp_path / "page.html"
    file.write_text("<p>one")
    made = answering(make, file=str(file))
    before = made.get("/fixed")

    file.write_text("<p>two")
    assert made.get("/fixed").body == b"<p>one"
    made.apply()
    after = made.get("/fixed", If_None_Match=(before.headers.get(b"etag") or b"").decode())

    assert (after.status, after.body) == (200, b"<p>two")


def test_a_long_file_waits_for_its_client(make: Make, tmp_path: Path) -> None:
    """A client that does not read it holds no copy of it; one that does gets it whole."""
    file = tmp_path / "long.bin"
    content = bytes(range(256)) * 4096 + b"end"
    file.write_bytes(content)
    made = answering(make, file=str(file))

    slow = made.client()
    slow.stop_reading()
    made.send(b"GET /fixed HTTP/1.1\r\nHost: h\r\n\r\n", slow)
    assert max(transport.unread for transport in made.network.transports) < 512 * 1024
    slow.read_on()
    made.network.pump()

    assert slow.received.endswith(b"\r\n\r\n" + content)
    assert b"Content-Length: %d\r\n" % len(content) in slow.received
    assert b"Transfer-Encoding" not in slow.received
    assert made.request("HEAD", "/fixed", client=slow).headers.get(b"content-length") == b"%d" % len(content)
    assert made.last_log["bytes_sent"] == 0


def test_a_client_that_goes_in_the_middle_of_a_long_file(make: Make, tmp_path: Path) -> None:
    """Its exchange is over."""
    file = tmp_path / "long.bin"
    file.write_bytes(bytes(2**20))
    made = answering(make, file=str(file))
    slow = made.client()
    slow.stop_reading()
    made.send(b"GET /fixed HTTP/1.1\r\nHost: h\r\n\r\n", slow)

    slow.reset()
    made.network.pump()

    assert made.gateway.root.in_flight == 0
    assert made.last_log["reason"] == "request.aborted"
