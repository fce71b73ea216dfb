"""Pages for people in place of problem documents: `error_pages`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import pytest

from gateway.testing import Harness

Make = Callable[..., Harness]
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"
HTML = b"text/html; charset=utf-8"


class Paged(Protocol):
    """Makes a gateway with pages: a text for each status."""

    def __call__(self, pages: dict[str, str], /, *, intercept: bool = False, **settings: Any) -> Harness: ...


@pytest.fixture
def paged(make: Make, tmp_path: Path) -> Paged:
    """Write pages to files, and make a gateway that has them."""

    def run(pages: dict[str, str], /, *, intercept: bool = False, **settings: Any) -> Harness:
        files: dict[str, Any] = {"intercept": True} if intercept else {}
        for status, text in pages.items():
            file = tmp_path / f"{status}.html"
            file.write_text(text)
            files[status] = str(file)
        return make("orders", error_pages=files, **settings)

    return run


def test_a_page_for_people_and_a_problem_for_programs(paged: Paged) -> None:
    """The status, the reason and the id are the same; caches are told to tell them apart."""
    made = paged({"404": "<p>${status} ${reason} ${request_id}</p>"})

    page, problem = made.get("/nowhere", Accept=BROWSER), made.get("/nowhere", Accept="*/*")

    for received in (page, problem):
        assert received.status == 404
        assert received.headers.get(b"gateway-reason") == b"route.none"
        assert received.headers.get(b"cache-control") == b"no-store"
        assert received.headers.get(b"vary") == b"Accept"
    name = (page.headers.get(b"x-request-id") or b"").decode()
    assert page.headers.get(b"content-type") == HTML
    assert page.body.decode() == f"<p>404 route.none {name}</p>"
    assert problem.headers.get(b"content-type") == b"application/problem+json"
    assert problem.json["request_id"] == (problem.headers.get(b"x-request-id") or b"").decode()
    assert made.logs[0]["reason"] == "route.none"


def test_head_gets_the_head_of_the_page(paged: Paged) -> None:
    """Its length, and no content."""
    received = paged({"404": "hello"}).request("HEAD", "/nowhere", {"Accept": BROWSER})

    assert (received.status, received.body, received.headers.get(b"content-length")) == (404, b"", b"5")


def test_a_status_of_its_own_goes_before_its_class(paged: Paged) -> None:
    """A status with neither has no page, and says nothing of one."""
    routes = [
        {"path": "/key", "upstream": "orders", "auth": {"type": "api_key"}},
        {"path": "/down", "upstream": "down"},
    ]
    upstreams = [{"name": "orders", "backends": [{"url": "http://127.0.0.1:9001"}]}, {"name": "down", "backends": []}]
    auth: dict[str, Any] = {"api_keys": {}}
    made = paged({"404": "own", "4xx": "class"}, routes=routes, upstreams=upstreams, auth=auth)

    assert made.get("/nowhere", Accept=BROWSER).body == b"own"
    assert made.get("/key", Accept=BROWSER).body == b"class"
    received = made.get("/down", Accept=BROWSER)
    assert (received.status, received.headers.get(b"content-type")) == (503, b"application/problem+json")
    assert b"vary" not in received.headers


def test_other_fields_stay(paged: Paged) -> None:
    """Which methods there are, which credentials are asked for, when to come again."""
    routes = [
        {"path": "/get", "methods": ["GET"], "upstream": "orders"},
        {"path": "/key", "upstream": "orders", "auth": {"type": "api_key"}},
        {"path": "/limit", "upstream": "orders", "rate_limit": {"limit": 1, "window": "60s"}},
    ]
    auth: dict[str, Any] = {"api_keys": {}}
    made = paged({"4xx": "page"}, routes=routes, auth=auth)

    refused = made.request("POST", "/get", {"Accept": BROWSER})
    assert (refused.status, refused.headers.get(b"allow"), refused.body) == (405, b"GET, HEAD", b"page")
    plain, page = made.get("/key"), made.get("/key", Accept=BROWSER)
    assert page.body == b"page"
    assert page.headers.get(b"www-authenticate") == plain.headers.get(b"www-authenticate") is not None
    made.get("/limit")
    limited = made.get("/limit", Accept=BROWSER)
    assert (limited.status, limited.body) == (429, b"page")
    assert limited.headers.get(b"retry-after")
    assert limited.headers.get(b"x-ratelimit-remaining") == b"0"


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"GET /x HTTP/1.1\r\nHost: h\r\nAccept: text/html\r\nContent-Length: x\r\n\r\n", 400),
        (b"GET /x HTTP/1.1\r\naccept:text/html\r\nHost: h\r\nHost: i\r\n\r\n", 400),
        (b"GET /x HTTP/1.1\r\nAccept: text/html\r\nX: " + b"y" * 40_000, 431),
        (b"FOO /x HTTP/1.1\r\nHost: h\r\nAccept: text/html\r\n\r\n", None),
        (b"GET /x HTTP/1.1\r\nHost: h\r\nAccept: text/html\r\n", 408),
        (b"POST /orders/ HTTP/1.1\r\nHost: h\r\nAccept: text/html\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", 400),
    ],
)
def test_an_error_in_place_of_a_request(paged: Paged, data: bytes, status: int | None) -> None:
    """A head that breaks the rules, is too long or never ends: where its `Accept` is known, it is heeded."""
    made = paged({"4xx": "page ${status}"})

    client = made.send(data)
    made.advance(11)

    assert client.received.endswith(b"\r\n\r\npage %d" % status if status else b"}")
    assert client.received.count(b"HTTP/1.1 ") == 1
    assert b"Connection: close\r\n" in client.received


def test_an_error_before_accept_is_known_is_a_problem(paged: Paged) -> None:
    """Nobody can tell who asks."""
    client = paged({"4xx": "page"}).send(b"GET /x HTTP/1.1\r\nHost: h h\r\n\r\nAccept: text/html\r\n\r\n")

    assert b"Content-Type: application/problem+json\r\n" in client.received


def test_what_is_filled_in_is_escaped_and_the_rest_is_as_it_was(paged: Paged) -> None:
    """A script's own templates are left alone; `$${` is a literal `${`."""
    made = paged({"404": "${user} $${status} ${status}é ${ status } $x {reason} ${reason"})

    assert made.get("/", Accept=BROWSER).body.decode() == "${user} ${status} 404é ${ status } $x {reason} ${reason"


def test_nothing_that_a_client_sends_stands_in_a_page(paged: Paged) -> None:
    """Not its id either, unless a trusted proxy sent it, and then only letters that are harmless."""
    made = paged({"404": "${request_id}"}, trusted_proxies=["10.0.0.1"])

    for address in ("192.0.2.1", "10.0.0.1"):
        headers = {"Accept": BROWSER, "X-Request-ID": "<script>"}
        assert b"<" not in made.request("GET", "/<x>", headers, client=made.client(address)).body


@pytest.mark.parametrize("intercept", [False, True])
@pytest.mark.parametrize("length", [True, False], ids=["length", "chunked"])
def test_errors_of_backends(paged: Paged, intercept: bool, length: bool) -> None:
    """They are the backend's own, unless pages are asked for; what it says beside the content stays."""
    made = paged({"404": "page ${reason}.", "5xx": "sorry"}, intercept=intercept)
    backend = made.backend("orders")
    fields = [
        "Retry-After: 9",
        "ETag: x",
        "Content-Encoding: br",
        "Cache-Control: max-age=9",
        "Vary: Origin",
        "X-Own: 1",
    ]
    framing = (
        ["Content-Length: 4", "", "gone"] if length else ["Transfer-Encoding: chunked", "", "4", "gone", "0", "", ""]
    )
    backend.answers("\r\n".join(["HTTP/1.1 404 Not Found", *fields, *framing]).encode())

    client = made.client()
    page = made.request("GET", "/orders/1", {"Accept": BROWSER}, client=client)
    plain = made.request("GET", "/orders/1", {"Accept": "*/*"}, client=client)

    assert (plain.status, plain.body, plain.headers.get(b"etag")) == (404, b"gone", b"x")
    assert plain.headers.get_all(b"vary") == ([b"Origin", b"Accept"] if intercept else [b"Origin"])
    assert page.headers.get(b"retry-after") == b"9"
    assert page.headers.get(b"x-own") == b"1"
    assert (page.status, page.body) == (404, b"page ." if intercept else b"gone")
    if intercept:
        assert page.headers.get_all(b"content-type") == [HTML]
        assert page.headers.get_all(b"cache-control") == [b"no-store"]
        assert page.headers.get_all(b"vary") == [b"Origin", b"Accept"]
        for name in (b"etag", b"content-encoding", b"gateway-reason"):
            assert name not in page.headers
    assert len({asked.connection for asked in backend.requests}) == 1, "its connection is used again"
    assert made.logs[0]["reason"] is None


def test_a_good_answer_and_one_without_a_page_pass(paged: Paged) -> None:
    """Only errors are intercepted, and only where there is a page."""
    made = paged({"404": "page"}, intercept=True)

    made.backend("orders").answers(b"HTTP/1.1 500 Oops\r\nContent-Length: 4\r\n\r\noops")
    received = made.get("/orders/", Accept=BROWSER)
    assert (received.status, received.body, received.headers.get(b"vary")) == (500, b"oops", None)
    made.backend("orders").answers(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    received = made.get("/orders/", Accept=BROWSER)
    assert (received.body, received.headers.get(b"vary")) == (b"ok", None)


@pytest.mark.parametrize("said", [b"Content-Length: 0\r\n\r\n", b"Content-Length: 9\r\n\r\n"])
def test_an_intercepted_answer_without_content(paged: Paged, said: bytes) -> None:
    """A HEAD is told the length of the page; what had no content gets the page."""
    made = paged({"404": "page"}, intercept=True)
    made.backend("orders").answers(b"HTTP/1.1 404 Not Found\r\n" + said)

    head = made.request("HEAD", "/orders/", {"Accept": BROWSER})
    assert (head.status, head.body, head.headers.get_all(b"content-length")) == (404, b"", [b"4"])
    if b": 0" in said:
        assert made.get("/orders/", Accept=BROWSER).body == b"page"


def test_a_backend_that_does_not_end_its_error(paged: Paged) -> None:
    """The client has the page at once; what comes of the error is dropped."""
    made = paged({"404": "page"}, intercept=True)
    made.backend("orders").answers(b"HTTP/1.1 404 Not Found\r\nContent-Length: 900000\r\n\r\nsome")

    received = made.get("/orders/", Accept=BROWSER)

    assert (received.status, received.body, received.complete) == (404, b"page", True)


def test_what_the_configuration_answers_is_no_error_of_a_backend(paged: Paged) -> None:
    """A fixed answer, and that of a breaker, are what the operator has written."""
    routes = [
        {"path": "/fixed", "respond": {"status": 503, "body": "mine"}},
        {"path": "/orders/*", "upstream": "orders"},
    ]
    breaker = {"failure_threshold": 1, "fallback": {"status": 503, "body": "mine, too", "content_type": "text/plain"}}
    made = paged({"5xx": "page"}, intercept=True, routes=routes, circuit_breaker=breaker)
    made.backend("orders").answers(b"HTTP/1.1 500 Oops\r\nContent-Length: 4\r\n\r\noops")

    assert made.get("/fixed", Accept=BROWSER).body == b"mine"
    assert made.get("/orders/", Accept=BROWSER).body == b"page"
    assert made.get("/orders/", Accept=BROWSER).body == b"mine, too"
    assert len(made.backend("orders").requests) == 1, "an error that was intercepted counts"


def test_what_an_authority_says_is_its_own(paged: Paged) -> None:
    """It may be the page to log in."""
    routes = [{"path": "/orders/*", "upstream": "orders", "auth": {"type": "forward"}}]
    auth = {"forward": {"default": {"url": "http://127.0.0.1:9001/auth"}}}
    made = paged({"4xx": "page"}, intercept=True, routes=routes, auth=auth)
    made.backend("orders").answers(b"HTTP/1.1 401 No\r\nContent-Length: 6\r\n\r\nlog in")

    received = made.get("/orders/", Accept=BROWSER)

    assert (received.status, received.body) == (401, b"log in")


def test_the_next_answer_on_a_connection_comes_behind_a_page(paged: Paged) -> None:
    """However the backend cuts its error: what is dropped is never taken for an answer."""
    made = paged({"404": "page"}, intercept=True)
    error = b"HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunk = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"
    backend = made.backend("orders")
    backend.answers(error, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    request = b"GET /orders/ HTTP/1.1\r\nHost: h\r\nAccept: text/html\r\n\r\n"

    client = made.send(request + request)
    for _ in range(3):
        backend.connections[0].send(b"%x\r\n%b\r\n" % (len(chunk), chunk))
        made.network.pump()
    backend.connections[0].send(b"0\r\n\r\n")
    made.network.pump()

    assert [(one.status, one.body) for one in client.responses()] == [(404, b"page"), (200, b"ok")]


def test_a_backend_that_breaks_off_behind_a_page_breaks_its_client_off(paged: Paged) -> None:
    """Nothing is left open on either side."""
    made = paged({"404": "page"}, intercept=True)
    backend = made.backend("orders")
    backend.answers(b"HTTP/1.1 404 Not Found\r\nContent-Length: 99\r\n\r\nsome")
    client = made.send(b"GET /orders/ HTTP/1.1\r\nHost: h\r\nAccept: text/html\r\n\r\n")

    backend.connections[0].reset()
    made.network.pump()

    assert client.received.endswith(b"\r\n\r\npage")
    assert client.closed is not None
    assert made.last_log["reason"] == "upstream.reset"


def test_a_route_s_own_pages(paged: Paged, make: Make, tmp_path: Path) -> None:
    """They stand in the place of those at top level; none at all where the mapping is empty."""
    own = tmp_path / "own.html"
    own.write_text("own")
    deny = {"upstream": "orders", "ip_deny": ["192.0.2.0/24"]}
    routes = [
        {"path": "/own", "error_pages": {"403": str(own)}, **deny},
        {"path": "/none", "error_pages": {}, **deny},
        {"path": "/all", **deny},
    ]
    made = paged({"4xx": "all"}, routes=routes)

    assert made.get("/own", Accept=BROWSER).body == b"own"
    assert made.get("/all", Accept=BROWSER).body == b"all"
    assert made.get("/none", Accept=BROWSER).json["status"] == 403


def test_a_changed_page(paged: Paged, tmp_path: Path) -> None:
    """It is read again with the configuration."""
    made = paged({"404": "one"})
    (tmp_path / "404.html").write_text("two")

    assert made.get("/", Accept=BROWSER).body == b"one"
    made.apply()
    assert made.get("/", Accept=BROWSER).body == b"two"


def test_the_token_endpoint_is_for_programs(paged: Paged) -> None:
    """Its errors are RFC 6749's, whoever asks; a path that we answer ourselves has pages."""
    made = paged({"4xx": "page"}, auth={"oauth": {"issuer": "i", "audience": "a", "clients": []}})

    assert made.request("POST", "/oauth/token", {"Accept": BROWSER}).json["error"] == "invalid_request"
    assert made.request("POST", "/health", {"Accept": BROWSER}).body == b"page"
