"""One gateway in memory that is asked: what its backends are told to do, and what is known afterwards."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from types import FrameType
from typing import Any

import pytest

from gateway.config import from_mapping
from gateway.config.schema.cases import TIME, CaseRequest, GivenAnswer
from gateway.rehearsal.stage import Outcome, Stage

HERE = [{"url": "http://127.0.0.1:9001"}]


def stage(**settings: Any) -> Stage:
    """Make one; by default with a route `/a/*` to the upstream `a`."""
    return Stage(
        from_mapping(
            {
                "upstreams": [{"name": "a", "backends": HERE}],
                "routes": [{"name": "a", "path": "/a/*", "upstream": "a"}],
                **settings,
            }
        )
    )


def ask(on: Stage, url: str = "http://x/a/1", *answers: GivenAnswer, **request: Any) -> Outcome:
    """Ask it once, at the usual time; the upstream `a` gives the answers."""
    on.begin(TIME, {"a": answers} if answers else {})
    return on.ask(CaseRequest(url=url, **request))


def test_a_backend_that_is_not_given_answers_200_with_nothing() -> None:
    """And is asked what the gateway asks; the record is that of the access log."""
    outcome = ask(stage(), "http://x/a/1?q=2", headers={"X-One": "1"}, body={"n": 1}, method="POST")

    assert (outcome.answer.status, outcome.answer.body) == (200, b"")
    assert (outcome.record["route"], outcome.record["upstream_service"], outcome.failure) == ("a", "a", None)
    (sent,) = outcome.sent
    assert (sent.upstream, sent.asked.method, sent.asked.target, sent.asked.body) == (
        "a",
        b"POST",
        b"/a/1?q=2",
        b'{"n": 1}',
    )
    assert sent.asked.headers.get(b"content-type") == b"application/json"
    assert sent.asked.headers.get(b"x-one") == b"1"


def test_answers_are_given_in_order_and_the_last_again_and_again() -> None:
    """With status, fields and content; JSON says that it is."""
    asked = stage()
    asked.begin(TIME, {"a": [GivenAnswer(status=201, headers={"X-A": "1"}), GivenAnswer(body={"n": 1})]})

    first, second, third = (asked.ask(CaseRequest(url="http://x/a/1")).answer for _ in range(3))

    assert (first.status, first.headers.get(b"x-a")) == (201, b"1")
    assert (second.status, second.body, second.headers.get(b"content-type")) == (200, b'{"n": 1}', b"application/json")
    assert (third.status, third.body) == (200, b'{"n": 1}')


@pytest.mark.parametrize("status", [204, 304])
def test_an_answer_without_content_has_none(status: int) -> None:
    """Nor a length of any."""
    outcome = ask(stage(), "http://x/a/1", GivenAnswer(status=status, body="no"))

    assert (outcome.answer.status, outcome.answer.body, outcome.answer.complete) == (status, b"", True)


def test_content_that_is_said_to_be_chunked_is() -> None:
    """Of the request and of the answer; a request that says both lengths is sent as it stands, and refused."""
    outcome = ask(
        stage(),
        "http://x/a/1",
        GivenAnswer(headers={"Transfer-Encoding": "chunked"}, body="answer"),
        method="POST",
        headers={"Transfer-Encoding": "chunked"},
        body="asked",
    )
    assert (outcome.answer.status, outcome.answer.body, outcome.sent[0].asked.body) == (200, b"answer", b"asked")

    both = ask(stage(), method="POST", headers={"Transfer-Encoding": "chunked", "Content-Length": "5"}, body="asked")
    assert (both.answer.status, both.sent) == (400, [])


def test_a_backend_changes_the_protocol() -> None:
    """As the request asks, with the fields that a WebSocket's client waits for (RFC 6455 section 1.3)."""
    outcome = ask(
        stage(),
        "http://x/a/1",
        GivenAnswer(status=101),
        headers={"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="},
    )

    assert (outcome.answer.status, outcome.answer.headers.get(b"upgrade")) == (101, b"websocket")
    assert outcome.answer.headers.get(b"sec-websocket-accept") == b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
    assert (outcome.record["status_code"], outcome.failure) == (101, None)


def test_a_host_that_none_can_be_is_refused() -> None:
    """By the gateway; it is no failure of the stage, which looks for the route of who calls."""
    request = CaseRequest(url="http://x/a/1", headers={"Host": "a b"})

    assert stage().ask(request, {"sub": "u1"}).answer.status == 400


def test_a_backend_refuses_and_breaks_off() -> None:
    """As the gateway tells it; refusing is for one connection, also where one is kept."""
    asked = stage()
    refused, broken_off = GivenAnswer(refuse=True), GivenAnswer(reset=True)
    asked.begin(TIME, {"a": [GivenAnswer(), refused, broken_off, GivenAnswer(status=202)]})

    outcomes = [asked.ask(CaseRequest(url="http://x/a/1", method="POST")) for _ in range(4)]

    assert [one.answer.status for one in outcomes] == [200, 502, 502, 202]
    assert [one.record["reason"] for one in outcomes] == [None, "upstream.connect", "upstream.reset", None]
    assert [len(one.sent) for one in outcomes] == [1, 0, 1, 1]


def test_time_is_the_stage_s_own() -> None:
    """A slow backend runs into the route's timeout without anybody waiting; the clock begins when it was told to."""
    route = {"name": "a", "path": "/a/*", "upstream": "a", "timeout": "5s"}
    asked = stage(routes=[route])

    assert ask(asked, "http://x/a/1", GivenAnswer(delay=4.0)).answer.status == 200
    late = ask(asked, "http://x/a/1", GivenAnswer(delay=6.0))

    assert (late.answer.status, late.record["reason"]) == (504, "upstream.timeout")
    assert late.seconds == pytest.approx(5.0, abs=0.2)
    assert late.record["timestamp"].startswith("2026-01-01T00:00:0")


def test_upstreams_that_have_the_same_backend_are_told_apart() -> None:
    """By the pool whose connection a request comes by."""
    asked = stage(
        upstreams=[{"name": "a", "backends": HERE}, {"name": "b", "backends": HERE}],
        routes=[{"name": "a", "path": "/a/*", "upstream": "a"}, {"name": "b", "path": "/b/*", "upstream": "b"}],
    )
    asked.begin(TIME, {"a": [GivenAnswer(status=201)], "b": [GivenAnswer(status=202)]})

    outcomes = [asked.ask(CaseRequest(url=f"http://x/{path}/1")) for path in ("b", "a", "b")]

    assert [one.answer.status for one in outcomes] == [202, 201, 202]
    assert [one.sent[0].upstream for one in outcomes] == ["b", "a", "b"]


BESIDE: list[dict[str, Any]] = [{"name": "first", "backends": HERE}, {"name": "a", "backends": HERE}]


def test_what_a_cache_fetches_from_a_backend_of_several_upstreams_is_of_the_route_s_own() -> None:
    """The answer is that upstream's too, though it is not the client's exchange that is forwarded."""
    asked = stage(upstreams=BESIDE, routes=[{"name": "a", "path": "/a/*", "upstream": "a", "cache": {}}])

    outcome = ask(asked, "http://x/a/1", GivenAnswer(status=203))

    assert outcome.answer.status == 203
    assert [(one.upstream, one.asked.target) for one in outcome.own] == [("a", b"/a/1")]


def test_a_connection_for_what_a_cache_fetches_is_refused_where_its_upstream_refuses() -> None:
    """And not where the other upstream of that backend would."""
    asked = stage(upstreams=BESIDE, routes=[{"name": "a", "path": "/a/*", "upstream": "a", "cache": {}}])
    refused = ask(asked, "http://x/a/1", GivenAnswer(refuse=True))
    asked.begin(TIME, {"first": [GivenAnswer(refuse=True)]})
    answered = asked.ask(CaseRequest(url="http://x/a/1"))

    assert (refused.answer.status, refused.record["reason"], refused.own) == (502, "upstream.connect", [])
    assert answered.answer.status == 200


def test_a_copy_to_an_upstream_with_the_same_backend_is_not_the_route_s_own() -> None:
    """It is sent, but for the other upstream."""
    asked = stage(
        upstreams=BESIDE,
        routes=[{"name": "a", "path": "/a/*", "upstream": "a", "mirror": {"upstream": "first"}}],
    )

    outcome = ask(asked, "http://x/a/1")

    assert sorted(one.upstream for one in outcome.sent) == ["a", "first"]
    assert [one.upstream for one in outcome.own] == ["a"]


def test_https_is_a_connection_with_tls() -> None:
    """For what the backend is told, and for fields that are for TLS only."""
    asked = stage(routes=[{"name": "a", "path": "/a/*", "upstream": "a", "security_headers": True}])

    secure, plain = ask(asked, "https://x/a/1"), ask(asked, "http://x/a/1")

    assert secure.sent[0].asked.headers.get(b"x-forwarded-proto") == b"https"
    assert b"strict-transport-security" in secure.answer.headers
    assert b"strict-transport-security" not in plain.answer.headers


LISTENERS = [
    {"name": "public", "endpoint": "tcp:8080"},
    {"name": "internal", "endpoint": "tcp:8081"},
    {"name": "secure", "endpoint": "ssl:8443:privateKey=k.pem:certKey=c.pem"},
]


@pytest.mark.parametrize(
    ("request_", "listener"),
    [
        ({"url": "http://x/a/1"}, "public"),
        ({"url": "http://x:8081/a/1"}, "internal"),
        ({"url": "https://x/a/1"}, "secure"),
        ({"url": "http://x/a/1", "listener": "internal"}, "internal"),
    ],
)
def test_a_request_comes_in_where_its_url_leads(request_: dict[str, Any], listener: str) -> None:
    """By port, else by scheme; or where the test says."""
    routes = [
        {"name": name, "path": "/a/*", "upstream": "a", "listeners": [name], "methods": [method]}
        for name, method in (("public", "GET"), ("internal", "GET"), ("secure", "GET"))
    ]
    asked = stage(listeners=LISTENERS, routes=routes)
    asked.begin(TIME, {})

    assert asked.ask(CaseRequest(**request_)).record["route"] == listener


def test_the_route_that_would_take_a_request_is_found_without_making_it() -> None:
    """Nothing is sent, counted or logged."""
    asked = stage()

    route, trial = asked.route(CaseRequest(url="http://x/a/1"))
    nothing, refused = asked.route(CaseRequest(url="http://x/b"))

    assert route is not None
    assert (route.name, trial.params, nothing) == ("a", {}, None)
    assert refused.error is not None
    assert refused.error.reason == "route.none"
    assert (asked.backends.sent, asked.memory.log.lines) == ([], [])


def many(routes: int) -> dict[str, Any]:
    """Return a configuration of so many routes, each with a limit, and an upstream for ten of them."""
    upstreams = [{"name": f"u{number}", "backends": HERE} for number in range(routes // 10)]
    limits = [{"scope": "ip", "limit": 10, "window": "60s"}]
    return {
        "upstreams": upstreams,
        "routes": [
            {"name": f"r{n}", "path": f"/api/v{n % 7}/s{n}/*", "upstream": f"u{n // 10}", "rate_limit": limits}
            for n in range(routes)
        ],
    }


def calls(work: Callable[[], object]) -> int:
    """Count the functions of Python that are called."""
    counted = 0

    def count(frame: FrameType, event: str, argument: object) -> None:
        nonlocal counted
        counted += event == "call"

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(before)
    return counted


def test_what_a_route_costs_is_bounded_and_does_not_grow_with_their_number() -> None:
    """To read one is 714 calls, and to build one 375; it was 477 when a protocol was asked of each step."""
    few, some, twice = (many(number) for number in (20, 120, 220))
    stage(**few)  # what is loaded, and what the schema builds, with the first

    reading = [calls(partial(from_mapping, one)) for one in (few, some, twice)]
    building = [calls(partial(Stage, from_mapping(one))) for one in (few, some, twice)]

    for least, middle, most in (reading, building):
        assert most - middle < (middle - least) * 1.05
    assert reading[2] - reading[1] < 100 * 800
    assert building[2] - building[1] < 100 * 430
