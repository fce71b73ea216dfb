"""What routes change in JSON bodies, and what they leave alone."""

from __future__ import annotations

import gzip
import json
import tracemalloc
import zlib
from collections.abc import Callable
from time import process_time
from typing import Any

import brotli  # type: ignore[import-untyped]
import pytest
import zstandard

from gateway.http.codings import undo
from gateway.memory.backend import Asked, ok
from gateway.memory.client import Received
from gateway.testing import FakeClient, Harness

Make = Callable[..., Harness]
JSON = (b"Content-Type", b"application/json")


def gateway(make: Make, transformations: dict[str, Any], **more: Any) -> Harness:
    """One route with these rules."""
    route = {"name": "orders", "path": "/orders/*", "upstream": "orders", "transformations": transformations}
    return make("orders", routes=[route | more.pop("route", {})], **more)


def of_request(rules: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Rules for the content of requests."""
    return {"request": {"body": rules, **more}}


def of_answer(rules: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Rules for the content of answers."""
    return {"response": {"body": rules, **more}}


def post(made: Harness, body: bytes, kind: str = "application/json", **fields: str) -> Received:
    """Send a content."""
    named = {name.replace("_", "-"): value for name, value in fields.items()}
    return made.request("POST", "/orders/7", {"Content-Type": kind, **named}, body)


def seen(made: Harness) -> Asked:
    """The last request that the backend got."""
    return made.backend("orders").requests[-1]


@pytest.mark.parametrize(
    ("rules", "before", "after"),
    [
        ({"remove": ["secret"]}, b'{"a": 1, "secret": 2}', b'{"a":1}'),
        ({"remove": ["a.b", "c.d"]}, b'{"a":{"b":1,"x":2},"c":3}', b'{"a":{"x":2},"c":3}'),
        ({"remove": ["items.*.secret"]}, b'{"items":[{"secret":1,"n":1},2,{"secret":3}]}', b'{"items":[{"n":1},2,{}]}'),
        ({"remove": ["*.secret"]}, b'[{"secret":1},{"secret":2,"n":1}]', b'[{},{"n":1}]'),
        ({"remove": ["by.*.secret"]}, b'{"by":{"x":{"secret":1},"y":{"secret":2}}}', b'{"by":{"x":{},"y":{}}}'),
        ({"remove": ["a.*"]}, b'{"a":[1,2],"b":{"c":1}}', b'{"a":[],"b":{"c":1}}'),
        ({"remove": [r"a\.b", r"\*"]}, b'{"a.b":1,"a":{"b":2},"*":3}', b'{"a":{"b":2}}'),
        ({"rename": {"old": "new"}}, b'{"a":1,"old":2,"z":3}', b'{"a":1,"new":2,"z":3}'),
        ({"rename": {"old": "new"}}, b'{"new":1,"old":2}', b'{"new":2}'),
        ({"rename": {"old": "new"}}, b'{"new":1}', b'{"new":1}'),
        ({"rename": {"a.b": "c.d.e"}}, b'{"a":{"b":1,"x":2},"c":3}', b'{"a":{"x":2},"c":{"d":{"e":1}}}'),
        ({"rename": {"a": "a.b"}}, b'{"a":{"x":1}}', b'{"a":{"b":{"x":1}}}'),
        ({"rename": {"a.b": "a"}}, b'{"a":{"b":{"x":1}}}', b'{"a":{"x":1}}'),
        ({"rename": {"items.*.old": "items.*.new.er"}}, b'{"items":[{"old":1},{}]}',
         b'{"items":[{"new":{"er":1}},{}]}'),
        ({"add": {"source": "gateway", "n": 1.5, "t": True, "o": {"l": [None]}}}, b'{"source":1}',
         b'{"source":"gateway","n":1.5,"t":true,"o":{"l":[null]}}'),
        ({"add": {"meta.by.us": 1}}, b'{"meta":[]}', b'{"meta":{"by":{"us":1}}}'),
        ({"add": {"meta.by": 1}}, b'{"meta":null}', b'{"meta":{"by":1}}'),
        ({"add": {"items.*.seen": True}}, b'{"items":[{"a":1},2]}', b'{"items":[{"a":1,"seen":true},2]}'),
        ({"add": {"source": "gateway"}}, b"[1]", b"[1]"),
        ({"remove": ["a"], "rename": {"b": "a"}, "add": {"b": 2}}, b'{"a":0,"b":1}', b'{"a":1,"b":2}'),
        ({"add": {"o": {"x": 1}, "o.y": 2}}, b"{}", b'{"o":{"x":1,"y":2}}'),
        ({"add": {"who": "${header.X-Who}|$${x}"}}, b"{}", b'{"who":"\\"},\\"admin\\":true|${x}"}'),
        ({"remove": ["x"]}, b'{"n":12345678901234567890,"f":1.10,"e":1e400,"m":-0,"u":"\\u00e9\\/"}',
         '{"n":12345678901234567890,"f":1.10,"e":1e400,"m":-0,"u":"é/"}'.encode()),
        ({"remove": ["x"]}, b'{"a":1,"b":2,"a":3}', b'{"a":3,"b":2}'),
        ({"remove": ["x"]}, b'{"a":"\\ud800"}', b'{"a":"\\ud800"}'),
        ({"remove": ["x"]}, b'"text"', b'"text"'),
    ],
)  # fmt: skip
def test_rules_for_bodies(make: Make, rules: dict[str, Any], before: bytes, after: bytes) -> None:
    """Both ways the same; twice, since rules must not remember what they have made."""
    made = gateway(make, of_request(rules) | of_answer(rules))
    made.backend("orders").answer = lambda request: ok(before, JSON)
    for _ in range(2):
        answer = post(made, before, X_Who='"},"admin":true')
        assert answer.status == 200, answer.body
        assert seen(made).body == after
        assert seen(made).headers.get(b"content-length") == str(len(after)).encode()
        assert answer.body == after
        assert answer.headers.get(b"content-length") == str(len(after)).encode()


def whole(made: Harness, request: bytes) -> tuple[FakeClient, bytes]:
    """Send a request as it is, and return what was answered."""
    client = made.send(request)
    return client, client.received


def test_in_parts(make: Make) -> None:
    """However a content comes; its trailers pass, but for what was said of the octets."""
    rules = {"remove": ["secret"]}
    made = gateway(make, of_request(rules) | of_answer(rules))
    content = b'{"a":1,"secret":2}'
    chunks = b"".join(b"1\r\n%c\r\n" % octet for octet in content)
    end = b"0\r\nX-T: 1\r\nContent-Digest: sha-256=:x:\r\n\r\n"
    made.backend("orders").answer = lambda request: None
    client = made.client()
    for octet in (
        b"POST /orders/7 HTTP/1.1\r\nHost: a\r\nContent-Type: Application/Problem+JSON; charset=utf-16\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n" + chunks + end
    ):
        client.send(bytes([octet]))
        made.network.pump()
    request = seen(made)
    assert (request.body, request.headers.get(b"content-type")) == (b'{"a":1}', b"Application/Problem+JSON")
    assert list(request.trailers) == [(b"X-T", b"1")]
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    for octet in head + chunks + end:
        request.connection.send(bytes([octet]))
        made.network.pump()
    [answer] = client.responses()
    assert answer.body == b'{"a":1}'
    assert list(answer.trailers) == [(b"X-T", b"1")]


@pytest.mark.parametrize(
    ("coding", "coded"),
    [
        ("gzip", gzip.compress),
        ("X-Gzip", lambda content: gzip.compress(content[:5]) + gzip.compress(content[5:])),
        ("br", brotli.compress),
        ("zstd", zstandard.compress),
        ("zstd", lambda content: zstandard.compress(content[:5]) + zstandard.compress(content[5:])),
        ("gzip, br", lambda content: brotli.compress(gzip.compress(content))),
        ("identity", lambda content: content),
    ],
)
def test_codings_are_undone(make: Make, coding: str, coded: Callable[[bytes], bytes]) -> None:
    """What was compressed goes on plain, and says so."""
    rules = {"remove": ["secret"]}
    made = gateway(make, of_request(rules) | of_answer(rules))
    content = coded(b'{"a":1,"secret":2}')
    made.backend("orders").answer = lambda request: ok(content, JSON, (b"Content-Encoding", coding.encode()))
    answer = post(made, content, Content_Encoding=coding)
    assert (seen(made).body, answer.body) == (b'{"a":1}', b'{"a":1}')
    assert b"content-encoding" not in seen(made).headers
    assert b"content-encoding" not in answer.headers


def test_what_describes_the_octets_goes(make: Make) -> None:
    """No field says what is not true any more."""
    rules = {"remove": ["secret"]}
    made = gateway(make, of_request(rules) | of_answer(rules))
    describing = {"Content-MD5": "x", "Digest": "x", "Repr-Digest": "x", "Content-Digest": "x"}
    more = {"ETag": '"x"', "Accept-Ranges": "bytes"}
    fields = [(name.encode(), value.encode()) for name, value in (describing | more).items()]
    made.backend("orders").answer = lambda request: ok(b'{"secret":1}', JSON, *fields, (b"X-Kept", b"1"))
    answer = made.request("PUT", "/orders/7", {"Content-Type": "application/json", **describing, "X-Kept": "1"}, b"{}")
    assert not set(seen(made).headers.index) & {name.lower().encode() for name in describing}
    assert not set(answer.headers.index) & {name.lower().encode() for name in describing | more}
    assert b"x-kept" in answer.headers
    assert b"x-kept" in seen(made).headers

    head = made.request(
        "HEAD", "/orders/7", {"Range": "bytes=0-1", "If-Range": '"x"', "Accept-Encoding": "dcb, deflate"}
    )
    assert not set(head.headers.index) & {b"content-length", b"etag", b"accept-ranges", b"content-digest"}
    asked = seen(made).headers
    assert b"range" not in asked
    assert b"if-range" not in asked
    assert asked.get(b"accept-encoding") == b"identity"


def test_what_is_not_changed(make: Make) -> None:
    """Another type, no content, a part, a stream of events, gRPC: as they came, field by field."""
    rules = {"remove": ["secret"], "add": {"x": 1}}
    made = gateway(make, of_request(rules) | of_answer(rules))
    content = b'{"secret":1}'
    for kind in (b"text/plain", b"text/event-stream", b"application/grpc+json", b"application/jsonx", b"text/x-json"):
        made.backend("orders").answer = lambda request, kind=kind: ok(  # type: ignore[misc]
            content, (b"Content-Type", kind), (b"ETag", b'"x"'), (b"Accept-Ranges", b"bytes")
        )
        if b"grpc" in kind:
            answer = made.get("/orders/7")
        else:
            answer = post(made, content, kind.decode(), Content_MD5="x")
            assert (seen(made).body, seen(made).headers.get(b"content-md5")) == (content, b"x")
        assert (answer.body, answer.headers.get(b"etag")) == (content, b'"x"')
    for status in (b"206 Partial Content", b"304 Not Modified", b"204 No Content"):
        body = b'"secret' if status.startswith(b"206") else b""
        length = b"Content-Length: 7\r\n" if body else b""
        made.backend("orders").answer = lambda request, status=status, body=body, length=length: (  # type: ignore[misc]
            b'HTTP/1.1 %b\r\nContent-Type: application/json\r\nETag: "x"\r\n%b\r\n%b' % (status, length, body)
        )
        answer = made.get("/orders/7")
        assert (answer.body, answer.headers.get(b"etag")) == (body, b'"x"')
    made.backend("orders").answer = lambda request: ok(b"", JSON, (b"ETag", b'"x"'))
    assert made.get("/orders/7").headers.get(b"etag") == b'"x"'
    assert post(made, b"").status == 200


def test_what_is_no_json(make: Make) -> None:
    """Refused on the way in; on the way out it goes on as it came."""
    rules = {"remove": ["secret"]}
    made = gateway(make, of_request(rules) | of_answer(rules))
    for content in (b"{", b'{"a":NaN}', b'{"a":1}x', b"\xff", b'{"a":01}', b"{'a':1}", b'{"a":"\n"}', b"[" * 100000):
        answer = post(made, content)
        assert (answer.status, made.last_log["reason"]) == (400, "request.malformed"), content
        if not content.startswith(b"["):
            made.backend("orders").answer = lambda request, content=content: ok(content, JSON, (b"ETag", b'"x"'))  # type: ignore[misc]
            answer = made.get("/orders/7")
            assert (answer.status, answer.body, answer.headers.get(b"etag")) == (200, content, b'"x"')
    assert all(request.method == b"GET" for request in made.backend("orders").requests)
    assert post(made, b"{}", Content_Encoding="deflate").status == 400
    assert post(made, b"{}", Content_Encoding="gzip").status == 400
    made.backend("orders").answer = lambda request: ok(b"{}", JSON, (b"Content-Encoding", b"gzip"))
    answer = made.get("/orders/7")
    assert (answer.body, answer.headers.get(b"content-encoding")) == (b"{}", b"gzip")


def test_deep_json_takes_no_secret_past_the_rules(make: Make) -> None:
    """What orjson does not write is written all the same; what nobody reads is an error and does not pass."""
    made = gateway(make, of_answer({"remove": ["secret"]}))
    deep = b'{"secret":1,"a":' + b"[" * 400 + b"]" * 400 + b"}"
    made.backend("orders").answer = lambda request: ok(deep, JSON)
    assert made.get("/orders/7").body == deep.replace(b'"secret":1,', b"")
    deeper = b'{"secret":1,"a":' + b"[" * 200000 + b"]" * 200000 + b"}"
    made.backend("orders").answer = lambda request: ok(deeper, JSON)
    assert (made.get("/orders/7").status, made.last_log["reason"]) == (502, "transform.too_large")


BOMBS: list[tuple[str, Callable[[bytes], bytes]]] = [
    ("identity", bytes),
    ("gzip", gzip.compress),
    ("br", brotli.compress),
    ("zstd", zstandard.compress),
    ("gzip, gzip", lambda content: gzip.compress(gzip.compress(content))),
]


@pytest.mark.parametrize(("coding", "coded"), BOMBS)
@pytest.mark.parametrize("chunked", [False, True])
def test_more_than_may_be(make: Make, coding: str, coded: Callable[[bytes], bytes], chunked: bool) -> None:
    """413 on the way in, 502 on the way out, and nothing of it passes."""
    rules = {"remove": ["secret"]}
    made = gateway(make, of_request(rules, max_body=1000) | of_answer(rules, max_body="1000"))
    fits, over = json.dumps("x" * 998).encode(), coded(json.dumps("x" * 999).encode())
    assert post(made, fits).status == 200
    made.backend("orders").requests.clear()
    fields = f"Content-Type: application/json\r\nContent-Encoding: {coding}\r\n".encode()
    if chunked:
        framed = b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(over), over)
    else:
        framed = b"Content-Length: %d\r\n\r\n%b" % (len(over), over)
    client, _ = whole(made, b"POST /orders/7 HTTP/1.1\r\nHost: a\r\n" + fields + framed)
    assert [answer.status for answer in client.responses()] == [413]
    assert made.last_log["reason"] == "request.too_large"
    assert not made.backend("orders").requests
    made.backend("orders").answer = lambda request: b"HTTP/1.1 200 OK\r\n" + fields + framed
    answer = made.get("/orders/7")
    assert (answer.status, made.last_log["reason"]) == (502, "transform.too_large")
    assert b"secret" not in answer.body
    made.backend("orders").answer = lambda request: ok(fits, JSON)
    assert made.get("/orders/7").body == fits


def test_a_megabyte(make: Make) -> None:
    """That is the bound by default; what is over it is left in the middle, and nothing is left behind."""
    rules = {"remove": ["secret"]}
    made = gateway(make, of_request(rules) | of_answer(rules), limits={"request_body": 0})
    fits = json.dumps({"a": "x" * (1024 * 1024 - 10)}).encode()
    over = json.dumps({"a": "x" * (1024 * 1024 + 100_000)}).encode()
    made.backend("orders").answer = lambda request: (
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
        + b"".join(b"8000\r\n%b\r\n" % over[start : start + 0x8000] for start in range(0, 1_000_000, 0x8000))
        + b"%x\r\n%b\r\n0\r\n\r\n" % (len(over[31 * 0x8000 :]), over[31 * 0x8000 :])
    )
    answer = post(made, fits)
    assert len(seen(made).body) == len(fits) - 1
    assert (answer.status, made.last_log["reason"]) == (502, "transform.too_large")
    client = made.send(
        b"POST /orders/7 HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    for start in range(0, len(over), 0x8000):
        part = over[start : start + 0x8000]
        made.send(b"%x\r\n%b\r\n" % (len(part), part), client)
    assert [one.status for one in client.responses()] == [413]


def test_a_bomb_is_not_unpacked(make: Make) -> None:
    """Ten megabytes in a few octets, ten times over: no more is made of it than there may be."""
    made = gateway(make, of_request({"remove": ["secret"]}))
    for coding, content in (
        ("gzip", gzip.compress(b" " * 30_000_000)),
        ("br", brotli.compress(b" " * 30_000_000)),
        ("zstd", zstandard.compress(b" " * 30_000_000)),
    ):
        tracemalloc.start()
        assert post(made, content, Content_Encoding=coding).status == 413
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert most < 15_000_000


@pytest.mark.parametrize(
    "fields",
    [
        {"remove_headers": ["Content-Encoding"]},
        {"set_headers": {"Content-Encoding": "br"}},
        {"rename_headers": {"Content-Encoding": "X-Was"}},
    ],
)
def test_a_rule_for_fields_hides_no_coding(make: Make, fields: dict[str, Any]) -> None:
    """The content has the coding that the backend said: what a rule calls it lets no secret past the others."""
    made = gateway(make, of_answer({"remove": ["secret"]}, **fields))
    content = gzip.compress(b'{"secret":1,"a":2}')
    made.backend("orders").answer = lambda request: ok(content, JSON, (b"Content-Encoding", b"gzip"))
    answer = made.get("/orders/7")
    assert (answer.body, answer.headers.get(b"content-encoding")) == (b'{"a":2}', None)


def test_what_many_places_get_is_bounded(make: Make) -> None:
    """A client chooses how many members there are and how long the text for each is: together it would be gigabytes."""
    rules = {"add": {"items.*.who": {"is": "${header.X-Who}"}}}
    made = gateway(make, of_request(rules) | of_answer(rules))
    items = json.dumps({"items": [{}] * 1000}).encode()
    assert post(made, items, X_Who="x" * 100).status == 200
    assert len(seen(made).body) > 100_000
    made.backend("orders").requests.clear()
    assert (post(made, items, X_Who="x" * 2000).status, made.last_log["reason"]) == (413, "request.too_large")
    assert not made.backend("orders").requests
    made.backend("orders").answer = lambda request: ok(items, JSON)
    answer = made.request("GET", "/orders/7", {"X-Who": "x" * 2000})
    assert (answer.status, made.last_log["reason"]) == (502, "transform.too_large")
    assert len(made.request("GET", "/orders/7", {"X-Who": "x" * 100}).body) > 100_000


def test_a_type_with_many_blanks_takes_no_time(make: Make) -> None:
    """What a client sends there is looked through once."""
    made = gateway(make, of_request({"remove": ["secret"]}))
    for filling in (" " * 30_000, "; " * 15_000, ";charset=" * 3_000, "+json" * 6_000):
        before = process_time()
        post(made, b'{"secret":1}', f"application/json;{filling}x", X_Filled="1")
        assert process_time() - before < 0.5


def test_a_client_that_waits_to_be_told(make: Make) -> None:
    """`Expect: 100-continue` is met here, since the content is needed before the backend is asked."""
    made = gateway(make, of_request({"remove": ["secret"]}))
    client = made.send(
        b"POST /orders/7 HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 12\r\n"
        b"Expect: 100-continue\r\n\r\n"
    )
    assert client.received == b"HTTP/1.1 100 Continue\r\n\r\n"
    made.send(b'{"secret":1}', client)
    assert b"200 OK" in client.received
    assert (seen(made).body, b"expect" in seen(made).headers) == (b"{}", False)


def test_a_slow_client_holds_no_backend(make: Make) -> None:
    """Until its content is there, nobody is asked; one that stops is 408, one that goes is nobody's."""
    made = gateway(make, of_request({"remove": ["secret"]}))
    head = b"POST /orders/7 HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    client = made.send(head + b"1\r\n{\r\n")
    assert not made.backend("orders").connections
    made.advance(40)
    assert [answer.status for answer in client.responses()] == [408]
    client = made.send(head + b"1\r\n{\r\n")
    client.reset()
    made.advance(1)
    assert not made.backend("orders").requests
    assert made.last_log["bytes_received"] == 1


def test_a_backend_that_breaks_off(make: Make) -> None:
    """In the middle of a content that is waited for: 502, since no head has gone out."""
    made = gateway(make, of_answer({"remove": ["secret"]}))
    made.backend("orders").answer = lambda request: None
    client = made.send(b"GET /orders/7 HTTP/1.1\r\nHost: a\r\n\r\n")
    seen(made).connection.send(b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{"a"')
    made.network.pump()
    assert client.received == b""
    seen(made).connection.reset()
    made.network.pump()
    made.advance(1)
    assert [answer.status for answer in client.responses()] == [502]
    assert made.last_log["reason"] == "upstream.reset"


def test_a_client_that_goes_while_an_answer_is_waited_for(make: Make) -> None:
    """The backend is left too."""
    made = gateway(make, of_answer({"remove": ["secret"]}))
    made.backend("orders").answer = lambda request: None
    client = made.send(b"GET /orders/7 HTTP/1.1\r\nHost: a\r\n\r\n")
    seen(made).connection.send(b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{"a"')
    made.network.pump()
    client.reset()
    made.advance(1)
    assert seen(made).connection.closed is not None
    assert made.last_log["reason"] == "request.aborted"


def test_retries_send_the_changed_content_again(make: Make) -> None:
    """And an answer that is held is changed when it is whole."""
    rules = of_request({"remove": ["secret"]}) | of_answer({"remove": ["secret"]})
    made = gateway(make, rules, route={"retry": {"attempts": 1, "on": [503]}})
    made.backend("orders").answers(ok(b'{"secret":1}', JSON, status=b"503 Busy"), ok(b'{"secret":1,"a":2}', JSON))
    client = made.send(
        b"PUT /orders/7 HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 18\r\n\r\n"
        b'{"secret":1,"a":2}'
    )
    made.advance(1)
    [answer] = client.responses()
    assert (answer.status, answer.body) == (200, b'{"a":2}')
    assert [request.body for request in made.backend("orders").requests] == [b'{"a":2}'] * 2
    assert made.last_log["bytes_received"] == 18


def test_an_answer_that_was_kept_is_changed(make: Make) -> None:
    """What the rules take out, they take out of the last good answer too."""
    made = gateway(
        make,
        of_answer({"remove": ["secret"]}),
        circuit_breaker={"failure_threshold": 1, "fallback": {"cached": True}},
    )
    made.backend("orders").answer = lambda request: ok(b'{"secret":1}', JSON, (b"Cache-Control", b"max-age=600"))
    assert made.get("/orders/7").body == b"{}"
    made.backend("orders").answer = lambda request: ok(b"bad", status=b"500 No")
    made.get("/orders/8")
    assert made.get("/orders/7").body == b"{}"


def test_two_types_are_json_if_one_is(make: Make) -> None:
    """A client does not get past the rules by a second Content-Type that a backend goes by."""
    made = gateway(make, of_request({"remove": ["secret"]}))
    made.send(
        b"POST /orders/7 HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\nContent-Type: application/json\r\n"
        b'Content-Length: 12\r\n\r\n{"secret":1}'
    )
    assert all(b"secret" not in request.body for request in made.backend("orders").requests)


def test_what_no_rule_touches_streams(make: Make) -> None:
    """Chunk by chunk, though the route has rules for bodies."""
    made = gateway(make, of_answer({"remove": ["secret"]}))
    made.backend("orders").answer = lambda request: None
    client = made.send(b"GET /orders/7 HTTP/1.1\r\nHost: a\r\n\r\n")
    seen(made).connection.send(
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n6\r\ndata: \r\n"
    )
    made.network.pump()
    assert client.received.endswith(b"6\r\ndata: \r\n")
    seen(made).connection.send(b"0\r\n\r\n")
    made.network.pump()


def test_early_zlib_is_not_gzip() -> None:
    """`deflate` is no coding that is undone: it has two meanings (RFC 9110 section 8.4.1.2)."""
    assert undo(zlib.compress(b"{}"), b"deflate", 10) is None
