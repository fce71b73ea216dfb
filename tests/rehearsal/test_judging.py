"""Tests that a configuration carries, judged by what the gateway does."""

from __future__ import annotations

from typing import Any

from gateway.config import from_mapping
from gateway.rehearsal.coverage import counted, parts
from gateway.rehearsal.judging import Verdict, judge

BASE: dict[str, Any] = {
    "auth": {"jwt": {"default": {"algorithms": ["ES256"], "jwks_url": "https://i/k", "issuer": "i", "audience": "a"}}},
    "upstreams": [
        {"name": "a", "backends": [{"url": "http://127.0.0.1:9001"}], "circuit_breaker": {"failure_threshold": 2}},
        {"name": "shadow", "backends": [{"url": "http://127.0.0.1:9002"}]},
    ],
    "routes": [
        {"name": "a", "path": "/a/*", "upstream": "a", "mirror": {"upstream": "shadow"}},
        {"name": "limited", "path": "/limited", "upstream": "a", "rate_limit": {"requests": 2, "window": "60s"}},
        {"name": "retried", "path": "/retried", "upstream": "a", "retry": {"attempts": 2, "on": ["connect", 503]}},
        {"name": "private", "path": "/private", "upstream": "a", "auth": {"type": "jwt", "roles": ["admin"]}},
        {"name": "certified", "path": "/certified", "upstream": "a", "auth": {"type": "mtls"}},
        {"name": "internal", "path": "/internal", "upstream": "a", "ip_allow": ["10.0.0.0/8"], "request_body": "1KiB"},
        {
            "name": "page",
            "path": "/page",
            "upstream": "a",
            "cors": {"allowed_origins": ["https://example.com"], "allowed_methods": ["GET"]},
        },
    ],
}


def verdicts(*tests: dict[str, Any]) -> list[Verdict]:
    """Judge tests of the configuration above."""
    settings = from_mapping({**BASE, "auth": {**BASE["auth"], "mtls": {}}, "tests": list(tests)})
    return list(judge(settings, range(len(settings.tests))))


def assert_passed(*tests: dict[str, Any]) -> None:
    """Judge tests that are expected to pass."""
    for verdict in verdicts(*tests):
        assert verdict.passed, verdict


def test_each_test_begins_anew() -> None:
    """Counts of limits, open breakers and what was given are gone with the test that has caused them."""
    exceeded = {"request": "http://x/limited", "given": {"repeat": 3}, "expect": {"status": 429}}
    opened = {
        "request": "http://x/a/1",
        "given": {"backends": {"a": {"reset": True}}},
        "expect_all": [{"status": 502}, {"status": 502}, {"status": 503, "reason": "breaker.open", "sent": None}],
    }
    fresh = [{"request": f"http://x/{path}", "expect": {"status": 200}} for path in ("limited", "a/1")]

    assert_passed(exceeded, opened, *fresh, exceeded, opened, *fresh)


def test_a_window_passes_in_no_time() -> None:
    """By `interval`, and by the delays of backends."""
    assert_passed(
        {"request": "http://x/limited", "given": {"repeat": 3, "interval": "31s"}, "expect": {"status": 200}},
        {
            "request": "http://x/limited",
            "given": {"repeat": 4, "interval": "1s", "backends": {"a": {"delay": "29s"}}},
            "expect_all": [{"status": 200}] * 4,
        },
    )


def test_of_retries_the_last_attempt_is_what_was_sent() -> None:
    """And attempts are counted."""
    assert_passed(
        {
            "request": "http://x/retried",
            "given": {"backends": {"a": [{"status": 503}, {"status": 200, "body": "ok"}]}},
            "expect": {"status": 200, "body": "ok", "attempts": 2, "upstream": "a", "sent": {"path": "/retried"}},
        }
    )


def test_a_mirror_s_copy_is_not_what_was_sent() -> None:
    """What the exchange's own upstream got is meant."""
    assert_passed({"request": "http://x/a/1", "expect": {"upstream": "a", "sent": {"headers": {"X-Mirrored": None}}}})


def test_what_cannot_be_shown_is_an_error_of_the_test() -> None:
    """With words that say what to do."""
    (verdict,) = verdicts(
        {"request": "http://x/certified", "given": {"claims": {"scope": "read"}}, "expect": {"status": 200}}
    )

    assert not verdict.passed
    assert verdict.error == "`claims` have no `sub`, the name in the certificate"


def test_a_test_that_fails_says_what_the_gateway_did() -> None:
    """Of the first exchange that is not as expected: what was found, the route's steps, attempts, what was sent."""
    (verdict,) = verdicts(
        {
            "request": "http://x/retried",
            "given": {"backends": {"a": [{"status": 200}, {"status": 503}, {"status": 200}]}},
            "expect_all": [{"status": 200}, {"status": 503}],
        }
    )

    assert [tuple(one) for one in verdict.mismatches] == [("expect_all[1].status", "503", "200")]
    assert (verdict.exchange["route"], verdict.exchange["attempts"], verdict.failed) == ("retried", 2, False)
    assert verdict.sent == ["GET /retried to a", "GET /retried to a"]
    assert verdict.steps[:2] == ["request_id", "trace"]


def test_time_is_as_given() -> None:
    """By the wall clock: a token of another day has expired."""
    request = {"request": "http://x/private"}
    claims = {"sub": "u", "roles": ["admin"], "exp": 1_800_000_000}

    assert_passed(
        {**request, "given": {"claims": claims, "time": "2027-01-01"}, "expect": {"status": 200}},
        {**request, "given": {"claims": claims, "time": "2028-01-01"}, "expect": {"reason": "auth.invalid"}},
    )


def test_what_no_test_has_touched_is_known() -> None:
    """Routes that took no request, and rules that refused none."""
    preflight = {"Origin": "https://other", "Access-Control-Request-Method": "GET"}
    tests = [
        {"request": "http://x/limited", "given": {"repeat": 3}, "expect": {"status": 429}},
        {"request": "http://x/private", "expect": {"status": 401}},
        {"request": "http://x/internal", "expect": {"status": 403}},
        {
            "request": {"url": "http://x/page", "method": "OPTIONS", "headers": preflight},
            "expect": {"reason": "cors.refused"},
        },
    ]
    settings = from_mapping({**BASE, "auth": {**BASE["auth"], "mtls": {}}, "tests": tests})
    found = list(judge(settings, range(len(tests))))
    assert all(one.passed for one in found), found
    touched = found[0].touched
    assert counted(parts(settings, touched)) == {
        "routes": (1, 7),
        "limits": (1, 1),
        "auth": (0, 2),
        "addresses": (0, 1),
        "cors": (0, 1),
        "bodies": (0, 1),
        "breakers": (0, 1),
    }
    for one in found[1:]:
        touched.join(one.touched)

    missing = [(one.kind, one.key) for one in parts(settings, touched) if not one.touched]

    assert missing == [
        ("routes", "routes[0]"),
        ("routes", "routes[2]"),
        ("routes", "routes[4]"),
        ("auth", "routes[4].auth"),
        ("bodies", "routes[5].request_body"),
        ("breakers", "upstreams[0].circuit_breaker"),
    ]


def test_a_body_that_is_too_large_and_an_open_breaker_are_seen() -> None:
    """They refuse by a route's bound, and by what an upstream has done."""
    large = {"url": "http://x/internal", "client": "10.0.0.1", "method": "POST", "body": "x" * 1025}
    failing = {"backends": {"a": {"status": 500}}, "repeat": 3}
    found = verdicts(
        {"request": large, "expect": {"status": 413}},
        {"request": "http://x/a/1", "given": failing, "expect": {"status": 503, "reason": "breaker.open"}},
    )
    assert all(one.passed for one in found), found

    assert found[0].touched.rules == {("internal", "bodies")}
    assert found[1].touched.breakers == {"a"}


def test_a_breaker_decides_too_where_something_else_is_answered() -> None:
    """The answer of a fallback has no reason to tell that from."""
    upstreams = [
        {
            "name": "a",
            "backends": [{"url": "http://127.0.0.1:9001"}],
            "circuit_breaker": {"failure_threshold": 2, "fallback": {"upstream": "b"}},
        },
        {"name": "b", "backends": [{"url": "http://127.0.0.1:9002"}]},
    ]
    given = {"backends": {"a": {"status": 500}}, "repeat": 3}
    tests = [
        {"request": "http://x/", "given": given, "expect": {"status": 200, "upstream": "b"}},
        {"request": "http://x/", "given": {**given, "repeat": 2}, "expect": {"status": 500}},
    ]
    settings = from_mapping({"upstreams": upstreams, "routes": [{"path": "/", "upstream": "a"}], "tests": tests})

    found = list(judge(settings, [0, 1]))

    assert all(one.passed for one in found), found
    assert [one.touched.breakers for one in found] == [{"a"}, set()]
