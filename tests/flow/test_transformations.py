"""What routes change in requests and answers."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from gateway.memory.backend import Asked, ok
from gateway.testing import Harness

Make = Callable[..., Harness]


def gateway(make: Make, transformations: dict[str, Any], path: str = "/orders/*", **more: Any) -> Harness:
    """One route with these rules."""
    route = {"name": "orders", "path": path, "upstream": "orders", "transformations": transformations}
    return make("orders", routes=[route | more.pop("route", {})], **more)


def asked(made: Harness, target: str = "/orders/7", method: str = "GET", **headers: str) -> Asked:
    """What the backend gets of a request."""
    answer = made.request(method, target, {name.replace("_", "-"): value for name, value in headers.items()})
    assert answer.status == 200, answer.body
    return made.backend("orders").requests[-1]


def sent(request: Asked, *names: str) -> list[tuple[str, str]]:
    """The fields of these names, in order."""
    wanted = {name.lower() for name in names}
    return [(n.decode(), v.decode()) for n, v in request.headers if n.decode().lower() in wanted]


@pytest.mark.parametrize(
    ("rules", "target", "expected"),
    [
        ({"strip_prefix": "/orders"}, "/orders/7?a=1", b"/7?a=1"),
        ({"strip_prefix": "/orders/"}, "/orders/7", b"/7"),
        ({"strip_prefix": "/orders"}, "/orders", b"/"),
        ({"strip_prefix": "/ord"}, "/orders/7", b"/orders/7"),
        ({"strip_prefix": "/orders"}, "/orders?", b"/?"),
        ({"strip_prefix": "/orders"}, "/orders/../orders/x", b"/x"),
        ({"strip_prefix": "/orders"}, "/%6frders//a%2Fb", b"/a%2Fb"),
        ({"strip_prefix": "/other"}, "/%6frders/./x", b"/%6frders/./x"),
        ({"add_prefix": "/v2/"}, "/orders/7", b"/v2/orders/7"),
        ({"add_prefix": "/é x" .replace(" ", "")}, "/orders/7", b"/%C3%A9x/orders/7"),
        ({"strip_prefix": "/orders", "add_prefix": "/v2"}, "/orders", b"/v2/"),
        ({"replace": {"pattern": "^/orders/([0-9]+)$", "with": "/o/\\1/\\1"}}, "/orders/7", b"/o/7/7"),
        ({"replace": {"pattern": "r", "with": "\\\\"}}, "/orders/r", b"/o%5Cders/r"),
        ({"replace": {"pattern": "orders/", "with": ""}}, "/orders/7", b"/7"),
        ({"replace": {"pattern": "^/orders/", "with": "x"}}, "/orders/7", b"/x7"),
        ({"replace": {"pattern": "^/orders", "with": "//evil.example"}}, "/orders/7", b"/evil.example/7"),
        (
            {"strip_prefix": "/orders", "replace": {"pattern": "^/", "with": "/x/"}, "add_prefix": "/y"},
            "/orders/7",
            b"/y/x/7",
        ),
    ],
)  # fmt: skip
def test_the_path(make: Make, rules: dict[str, Any], target: str, expected: bytes) -> None:
    """A prefix is taken off by segments, then a match is replaced, then a prefix is put on."""
    assert asked(gateway(make, {"request": {"path": rules}}), target).target == expected


@pytest.mark.parametrize(
    ("rules", "target", "reason"),
    [
        ({"replace": {"pattern": "^/orders/v(.*)$", "with": "/\\1"}}, "/orders/v..", "request.malformed"),
        ({"replace": {"pattern": "^/orders/v(.*)$", "with": "/a/\\1/b"}}, "/orders/v.", "request.malformed"),
        ({"replace": {"pattern": "x", "with": ""}}, "/orders/%x2e%2e", "request.malformed"),
        ({"replace": {"pattern": "25", "with": ""}}, "/orders/%252e./a", "request.malformed"),
        ({"replace": {"pattern": "%", "with": ""}}, "/orders/a%2Fb%3F", None),
        ({"replace": {"pattern": "2F", "with": ""}}, "/orders/a%2Fb", "request.malformed"),
        ({"strip_prefix": "/orders"}, "/orders/a%252f..%252f..%252fb", "request.ambiguous"),
        ({"add_prefix": "/${header.X-Tenant}"}, "/orders/7", "request.malformed"),
        ({"strip_prefix": "/orders/v1", "add_prefix": "/t1"}, "/orders/v1/..%2fv2", "request.ambiguous"),
        ({"strip_prefix": "/orders/v1", "add_prefix": "/t1"}, "/orders/v1/a/..%5c..%5cv2", "request.ambiguous"),
        ({"strip_prefix": "/orders/v1", "add_prefix": "/t/1"}, "/orders/v1/%252e%252e%252fv2", "request.ambiguous"),
        ({"strip_prefix": "/orders/v1", "add_prefix": "/t1"}, "/orders/v1/a/..%2fv2", None),
        ({"replace": {"pattern": "^/orders/v1", "with": "/t/1"}}, "/orders/v1/..%2f2", "request.ambiguous"),
        ({"replace": {"pattern": "^/orders/v1/(.*)$", "with": "/t/1/\\1"}}, "/orders/v1/..%2f2", "request.ambiguous"),
        ({"replace": {"pattern": "^/orders/v1/(.*)$", "with": "/t/1/\\1"}}, "/orders/v1/a/..%2f2", None),
        ({"replace": {"pattern": "^.*$", "with": "/t/1${path}"}}, "/orders/..%2f..%2f2", "request.ambiguous"),
    ],
)  # fmt: skip
def test_a_path_that_leads_elsewhere_is_refused(
    make: Make, rules: dict[str, Any], target: str, reason: str | None
) -> None:
    """No segment of dots comes about, no escape is cut, nothing leads above the root or what a rule puts before it."""
    made = gateway(make, {"request": {"path": rules}})
    answer = made.request("GET", target, {"X-Tenant": ".."})
    if reason is None:
        assert answer.status == 200
    else:
        assert (answer.status, json.loads(answer.body)["type"].rpartition("/")[2]) == (400, reason) or (
            made.last_log["reason"] == reason
        )
        assert not made.backend("orders").requests


@pytest.mark.parametrize(
    ("tenant", "expected"),
    [
        ("acme", b"/acme/orders/7"),
        ("a/b?c#d;e", b"/a%2Fb%3Fc%23d%3Be/orders/7"),
        ("../x", b"/..%2Fx/orders/7"),
    ],
)
def test_a_value_stays_in_its_segment(make: Make, tenant: str, expected: bytes) -> None:
    """Of a client's text nothing ends the segment that it stands in, or the path; what could climb is refused."""
    made = gateway(make, {"request": {"path": {"add_prefix": "/${header.X-Tenant}"}}})
    answer = made.get("/orders/7", X_Tenant=tenant)
    if tenant.startswith(".."):
        assert answer.status == 400
    else:
        assert answer.status == 200
        assert made.backend("orders").requests[-1].target == expected


def test_parameters_and_the_path_in_a_path(make: Make) -> None:
    """`param.NAME` is escaped anew; `path` keeps its slashes."""
    rules = {"path": {"replace": {"pattern": "^.*$", "with": "/t/${param.id}${path}"}}}
    made = gateway(make, {"request": rules}, path="/orders/:id/*")
    assert asked(made, "/orders/a%2Fb/c").target == b"/t/a%2Fb/orders/a%2Fb/c"


@pytest.mark.parametrize(
    ("rules", "query", "expected"),
    [
        ({"remove": ["a"]}, "?a=1&b=2&a=3", b"?b=2"),
        ({"remove": ["a b"]}, "?a+b=1&a%20b=2&%61%20b&c", b"?c"),
        ({"remove": ["a"]}, "?a=1", b""),
        ({"set": {"a": "9"}}, "?x=1&a=1&b=2&a=3", b"?x=1&a=9&b=2"),
        ({"set": {"a": "9"}}, "?b=%zz&&c", b"?b=%zz&&c&a=9"),
        ({"set": {"a": "x y&z=é"}}, "", b"?a=x%20y%26z%3D%C3%A9"),
        ({"add": {"a": "9"}}, "?a=1", b"?a=1&a=9"),
        ({"remove": ["a"], "set": {"b": "2"}, "add": {"a": "3"}}, "?a=1", b"?b=2&a=3"),
        ({"add": {"who": "${header.X-Who}"}}, "", b"?who=x%26admin%3D1%23"),
        ({"add": {"again": "${query.a}"}, "remove": ["a"]}, "?a=1%262&b", b"?b&again=1%262"),
        ({"add": {"none": "${query.nothing}"}}, "", b"?none="),
    ],
)  # fmt: skip
def test_the_query(make: Make, rules: dict[str, Any], query: str, expected: bytes) -> None:
    """Names are compared decoded; what no rule names stays as it was written; values are escaped."""
    made = gateway(make, {"request": {"query": rules}})
    assert asked(made, "/orders/7" + query, X_Who="x&admin=1#").target == b"/orders/7" + expected


def test_fields_of_requests(make: Make) -> None:
    """Taken out, renamed, set, added: in this order."""
    made = gateway(
        make,
        {
            "request": {
                "remove_headers": ["X-Internal", "X-New"],
                "rename_headers": {"X-Old": "X-New", "X-Absent": "X-Kept"},
                "set_headers": {"X-Set": "ours"},
                "add_headers": {"X-Add": "more", "X-Set": "second"},
            }
        },
    )
    request = asked(made, X_Internal="1", X_Old="old", X_New="client", X_Kept="kept", X_Set="client", X_Add="client")
    names = ("X-Internal", "X-Old", "X-New", "X-Kept", "X-Set", "X-Add")
    assert sent(request, *names) == [
        ("X-Kept", "kept"),
        ("X-Add", "client"),
        ("X-New", "old"),
        ("X-Set", "ours"),
        ("X-Add", "more"),
        ("X-Set", "second"),
    ]


def test_other_spellings_are_taken_out_too(make: Make) -> None:
    """A backend may read `X_Internal` as `X-Internal`; and it may stand in trailers, or in Connection."""
    rules = {"request": {"remove_headers": ["X-Internal"], "set_headers": {"X-Role": "guest"}}}
    made = gateway(make, rules)
    made.send(
        b"POST /orders/7 HTTP/1.1\r\nHost: a\r\nX_Internal: 1\r\nx.role: admin\r\nX-Other: 1\r\nConnection: X-Role\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nX-Internal: 1\r\nX-Role: admin\r\nX-Fine: 1\r\n\r\n"
    )
    [request] = made.backend("orders").requests
    assert sent(request, "X_Internal", "x.role", "X-Role", "X-Internal", "X-Other") == [
        ("X-Other", "1"),
        ("X-Role", "guest"),
    ]
    assert list(request.trailers) == [(b"X-Fine", b"1")]


def test_what_has_another_name_takes_the_place_of_the_others(make: Make) -> None:
    """A client cannot say both; without the old field, its new one stays. Two may change places."""
    made = gateway(make, {"request": {"rename_headers": {"X-Old": "X-New", "X-A": "X-B", "X-B": "X-A"}}})
    request = asked(made, X_Old="1", X_New="2", X_A="a", X_B="b")
    assert sent(request, "X-Old", "X-New", "X-A", "X-B") == [("X-New", "1"), ("X-B", "a"), ("X-A", "b")]
    made.send(b"GET /orders/7 HTTP/1.1\r\nHost: a\r\nX-Old: 1\r\nX-Old: 2\r\nx_new: 3\r\nx_old: 4\r\n\r\n")
    request = made.backend("orders").requests[-1]
    assert sent(request, "X-Old", "X_Old", "X-New", "X_New") == [("X-New", "1"), ("X-New", "2")]
    assert sent(asked(made, X_New="2"), "X-New") == [("X-New", "2")]


def test_a_backend_is_chosen_by_the_request_as_it_came(make: Make) -> None:
    """Also by a field that no backend sees."""
    made = make(
        "a", "b",
        upstreams=[
            {
                "name": "orders", "strategy": "consistent_hash", "hash_on": "header:X-Tenant",
                "backends": [{"url": f"http://127.0.0.1:{port}"} for port in (9001, 9002)],
            }
        ],
        routes=[
            {
                "name": "orders", "path": "/*", "upstream": "orders",
                "transformations": {"request": {"rename_headers": {"X-Tenant": "X-T"}, "remove_headers": ["X-No"]}},
            }
        ],
    )  # fmt: skip
    for tenant in range(40):
        made.get("/", X_Tenant=str(tenant % 10), X_No="1")
    by = {name: [sent(one, "X-T")[0][1] for one in made.backend(name).requests] for name in ("a", "b")}
    assert by["a"]
    assert by["b"]
    assert not set(by["a"]) & set(by["b"])


def test_what_is_for_one_hop_is_not_renamed(make: Make) -> None:
    """A client that names a field in Connection means it for the gateway alone."""
    made = gateway(make, {"request": {"rename_headers": {"X-Old": "X-New"}}})
    assert sent(asked(made, X_Old="1", Connection="X-Old"), "X-Old", "X-New") == []


def test_a_forwarding_field_that_the_gateway_does_not_make(make: Make) -> None:
    """`X-Forwarded-Prefix` tells a backend what was taken off; a trusted proxy's own is replaced."""
    rules = {"request": {"path": {"strip_prefix": "/orders"}, "set_headers": {"X-Forwarded-Prefix": "/orders"}}}
    made = gateway(make, rules, trusted_proxies=["192.0.2.1"])
    assert sent(asked(made, X_Forwarded_Prefix="/evil"), "X-Forwarded-Prefix") == [("X-Forwarded-Prefix", "/orders")]


def test_values(make: Make) -> None:
    """Of the exchange, in fields; a name with no value is the empty text, and `$${` is no name."""
    made = gateway(
        make,
        {
            "request": {
                "set_headers": {
                    "X-All": "${request_id}|${client_ip}|${route}|${upstream}|${method}|${path}|${status}|${param.id}",
                    "X-Came": "${header.X-One}|${query.a}|${claim.sub}",
                    "X-Literal": "$${latency}",
                }
            },
            "response": {"add_headers": {"X-Time": "${latency}", "X-Status": "${status}", "X-Now": "${now}"}},
        },
        path="/orders/:id",
    )
    made.backend("orders").answer = lambda request: None
    client = made.send(b"GET /orders/a%20b?a=x%0d%0aEvil:1 HTTP/1.1\r\nHost: a\r\nX-One: \xe9,1\r\nX-One: 2\r\n\r\n")
    made.advance(1)
    made.backend("orders").requests[-1].connection.send(ok())
    made.network.pump()
    [answer] = client.responses()
    [request] = made.backend("orders").requests
    identifier = made.last_log["request_id"]
    everything = f"{identifier}|192.0.2.1|orders|orders|GET|/orders/a%20b||a b"
    assert dict(sent(request, "X-All", "X-Came", "X-Literal")) == {
        "X-All": everything,
        "X-Came": "%E9,1, 2|x%0D%0AEvil:1|",
        "X-Literal": "${latency}",
    }
    assert b"evil" not in request.headers
    assert 1000.0 <= float(answer.headers.get(b"X-Time") or 0) < 1300.0
    assert answer.headers.get(b"X-Status") == b"200"
    assert (answer.headers.get(b"X-Now") or b"").isdigit()


def test_fields_of_answers(make: Make) -> None:
    """The same way, and on answers of backends alone."""
    rules = {
        "response": {
            "remove_headers": ["Server"],
            "rename_headers": {"X-Old": "X-New"},
            "set_headers": {"X-Set": "ours"},
            "add_headers": {"X-Add": "more"},
        }
    }
    made = gateway(make, rules)
    made.backend("orders").answer = lambda request: ok(
        b"ok",
        (b"Server", b"x"), (b"X-Old", b"1"), (b"X-Old", b"2"), (b"X-New", b"0"), (b"X-Set", b"0"), (b"X-Add", b"0"),
    )  # fmt: skip
    names = {b"server", b"x-old", b"x-new", b"x-set", b"x-add"}
    for _ in range(3):  # heads that came before are remembered
        fields = [(name, value) for name, value in made.get("/orders/7").headers if name.lower() in names]
        assert fields == [
            (b"X-Add", b"0"),
            (b"X-New", b"1"),
            (b"X-New", b"2"),
            (b"X-Set", b"ours"),
            (b"X-Add", b"more"),
        ]
    made.network.close("127.0.0.1", 9001)
    made.advance(100)
    failed = made.get("/orders/7")
    assert failed.status == 502
    assert b"x-add" not in failed.headers


def test_fields_of_answers_change_places(make: Make) -> None:
    """All are renamed at once, as those of requests are; what stood under a new name goes."""
    names = {"X-A": "X-B", "X-B": "X-A", "X-C": "X-D", "X-D": "X-E", "X-Absent": "X-Stays"}
    made = gateway(make, {"response": {"rename_headers": names}})
    said = [(f"X-{name}".encode(), name.encode()) for name in ("A", "B", "C", "D", "E", "Stays")]
    made.backend("orders").answers(ok(b"ok", *said))

    got = {name: value for name, value in made.get("/orders/7").headers if name.startswith(b"X-") and len(value) < 9}
    assert got == {b"X-B": b"A", b"X-A": b"B", b"X-D": b"C", b"X-E": b"D", b"X-Stays": b"Stays"}


def test_what_is_taken_out_of_answers_comes_in_no_trailer(make: Make) -> None:
    """In no spelling."""
    made = gateway(make, {"response": {"remove_headers": ["X-Secret"], "set_headers": {"X-Set": "1"}}})
    made.backend("orders").answer = lambda request: (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nX-Secret: 1\r\nX_Secret: 1\r\n"
        b"X-Set: 2\r\nX-Fine: 3\r\n\r\n"
    )
    client = made.send(b"GET /orders/7 HTTP/1.1\r\nHost: a\r\nTE: trailers\r\n\r\n")
    [answer] = client.responses()
    assert (answer.headers.get(b"x-set"), list(answer.trailers)) == (b"1", [(b"X-Fine", b"3")])


def test_statuses(make: Make) -> None:
    """One of a backend becomes another; the log has what the client got."""
    made = gateway(make, {"response": {"status": {404: 410, 204: 200}, "add_headers": {"X-Status": "${status}"}}})
    made.backend("orders").answer = lambda request: ok(b"gone", status=b"404 Never Heard Of")
    answer = made.get("/orders/7")
    assert (answer.status, answer.body, answer.headers.get(b"x-status")) == (410, b"gone", b"410")
    assert made.last_log["status_code"] == 410

    made.backend("orders").answer = lambda request: b"HTTP/1.1 204 No Content\r\n\r\n"
    client = made.send(b"GET /orders/7 HTTP/1.1\r\nHost: a\r\n\r\n")
    assert client.received.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"Content-Length: 0\r\n" in client.received

    refused = made.get("/nowhere")
    assert refused.status == 404


def test_retries_see_the_status_of_the_backend(make: Make) -> None:
    """What is tried again is decided before the rules, and sends the changed request again."""
    rules = {
        "request": {"path": {"strip_prefix": "/orders"}, "set_headers": {"X-Set": "1"}},
        "response": {"status": {503: 500}},
    }
    made = gateway(make, rules, route={"retry": {"attempts": 1, "on": [503]}})
    busy = ok(b"busy", status=b"503 Service Unavailable")
    made.backend("orders").answers(busy, busy)
    client = made.send(b"PUT /orders/7 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nX-Set: 0\r\n\r\nhi")
    made.advance(1)
    [answer] = client.responses()
    assert answer.status == 500
    requests = made.backend("orders").requests
    assert [(one.target, one.body, sent(one, "X-Set")) for one in requests] == [(b"/7", b"hi", [("X-Set", "1")])] * 2


def test_the_log_has_the_request_as_it_came(make: Make) -> None:
    """Answered, failed, or left by its client; limits and routes too are about what came."""
    rules = {"request": {"path": {"strip_prefix": "/orders"}, "query": {"remove": ["a"], "add": {"b": "2"}}}}
    made = gateway(make, rules)
    made.get("/orders/7?a=1")
    assert (made.last_log["path"], made.last_log["query"]) == ("/orders/7", "a=1")
    assert made.backend("orders").requests[-1].target == b"/7?b=2"

    made.backend("orders").answer = lambda request: None
    client = made.send(b"POST /orders/8?a=1 HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhi")
    client.reset()
    made.network.pump()
    made.advance(1)
    assert (made.last_log["path"], made.last_log["query"], made.last_log["bytes_received"]) == ("/orders/8", "a=1", 2)

    client = made.send(b"GET /orders/9?a=1 HTTP/1.1\r\nHost: a\r\n\r\n")
    made.advance(31)
    assert [answer.status for answer in client.responses()] == [504]
    assert (made.last_log["path"], made.last_log["query"]) == ("/orders/9", "a=1")


def test_hedges_send_the_changed_request(make: Make) -> None:
    """The second attempt is made of the same request as the first."""
    made = make(
        "a", "b",
        upstreams=[
            {"name": "orders", "backends": [{"url": f"http://127.0.0.1:{port}"} for port in (9001, 9002)]}
        ],
        routes=[
            {
                "name": "orders", "path": "/orders/*", "upstream": "orders", "hedge": {"min_delay": "10ms"},
                "transformations": {"request": {"path": {"strip_prefix": "/orders"}}},
            }
        ],
    )  # fmt: skip
    for number in range(60):
        assert made.get(f"/orders/{number}").status == 200
    made.backend("a").answer = made.backend("b").answer = lambda request: None
    before = len(made.backend("a").requests), len(made.backend("b").requests)
    made.send(b"GET /orders/last HTTP/1.1\r\nHost: a\r\n\r\n")
    made.advance(2)
    late = made.backend("a").requests[before[0] :] + made.backend("b").requests[before[1] :]
    assert [one.target for one in late] == [b"/last", b"/last"]


def test_options_of_the_whole_server_has_no_path(make: Make) -> None:
    """`*` is no path that could be rewritten."""
    made = gateway(make, {"request": {"path": {"add_prefix": "/x"}}}, path="/*")
    made.send(b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n")
    assert [one.target for one in made.backend("orders").requests] in ([b"*"], [])


def test_a_preflight_is_no_answer_of_a_backend(make: Make) -> None:
    """What a step before answers is not changed."""
    rules = {"response": {"set_headers": {"X-Set": "1"}, "status": {204: 200}}}
    made = gateway(make, rules, route={"cors": {"allowed_origins": ["*"]}})
    answer = made.request("OPTIONS", "/orders/7", {"Origin": "https://a.test", "Access-Control-Request-Method": "GET"})
    assert answer.status == 204
    assert b"x-set" not in answer.headers


def test_who_is_calling_is_said_by_the_operator(make: Make) -> None:
    """A rule may say it, in place of what the client or the gateway says."""
    rules = {
        "set_headers": {"X-User-Id": "somebody", "X-User-Plan": "${claim.plan}"},
        "remove_headers": ["X-User-Scopes"],
    }
    made = gateway(
        make,
        {"request": rules},
        auth={"api_keys": {"keys": [{"id": "acme", "key": "a-key", "user": "acme", "roles": ["r"], "scopes": ["s"]}]}},
        route={"auth": {"type": "api_key"}},
    )
    request = asked(made, X_Api_Key="a-key", X_User_Id="root", X_User_Plan="gold", X_User_Scopes="all")
    assert sent(request, "X-User-Id", "X-User-Plan", "X-User-Scopes", "X-User-Roles") == [
        ("X-User-Roles", "r"),
        ("X-User-Id", "somebody"),
        ("X-User-Plan", ""),
    ]


def test_an_answer_that_was_kept_is_changed_too(make: Make) -> None:
    """The breaker is open: the last good answer shows no more than it did; a static one is the gateway's own."""
    breaker = {"failure_threshold": 1, "fallback": {"cached": True}}
    rules = {
        "request": {"path": {"strip_prefix": "/orders"}},
        "response": {"remove_headers": ["X-Secret"], "status": {200: 203}},
    }
    made = gateway(make, rules, circuit_breaker=breaker)
    made.backend("orders").answer = lambda request: ok(b"good", (b"Cache-Control", b"max-age=600"), (b"X-Secret", b"1"))
    assert made.get("/orders/7").status == 203
    made.backend("orders").answer = lambda request: ok(b"bad", (b"X-Secret", b"1"), status=b"500 No")
    assert made.get("/orders/8").status == 500
    kept = made.get("/orders/7")
    assert (kept.status, kept.body) == (203, b"good")
    assert b"x-secret" not in kept.headers
