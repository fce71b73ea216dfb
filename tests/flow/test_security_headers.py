"""Fields that make browsers careful with what they get."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from gateway.memory.backend import ok
from gateway.testing import Harness

Make = Callable[..., Harness]

PLAIN = {
    b"x-content-type-options": b"nosniff",
    b"x-frame-options": b"DENY",
    b"referrer-policy": b"strict-origin-when-cross-origin",
    b"content-security-policy": b"frame-ancestors 'none'",
}
HSTS = {b"strict-transport-security": b"max-age=31536000; includeSubDomains"}


def gateway(make: Make, said: Any, **route: Any) -> Harness:
    """One route with these fields, behind a proxy that ends TLS."""
    settings = {"name": "orders", "path": "/orders/*", "upstream": "orders", "security_headers": said}
    return make("orders", routes=[settings | route], trusted_proxies=["192.0.2.1"])


def fields(made: Harness, scheme: str = "https", status: int = 200) -> dict[bytes, bytes]:
    """Return what an answer has of these fields."""
    answer = made.get("/orders/7", X_Forwarded_Proto=scheme)
    assert answer.status == status
    known = {*PLAIN, *HSTS, b"x-own"}
    found = [(name.lower(), value) for name, value in answer.headers if name.lower() in known]
    assert len(dict(found)) == len(found)
    return dict(found)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (True, PLAIN | HSTS),
        (False, {}),
        ({}, PLAIN | HSTS),
        ({"x-frame-options": "SAMEORIGIN"}, PLAIN | HSTS | {b"x-frame-options": b"SAMEORIGIN"}),
        ({"Strict-Transport-Security": None}, PLAIN),
        ({"X-Own": "1"}, PLAIN | HSTS | {b"x-own": b"1"}),
        (dict.fromkeys(["X-Content-Type-Options", "X-Frame-Options", "Referrer-Policy"]), HSTS | {
            b"content-security-policy": b"frame-ancestors 'none'"
        }),
    ],
)  # fmt: skip
def test_what_is_written(make: Make, said: Any, expected: dict[bytes, bytes]) -> None:
    """All of them, or others in the place of single ones."""
    assert fields(gateway(make, said)) == expected


def test_over_tls_only(make: Make) -> None:
    """A browser must not believe HSTS in the clear."""
    assert fields(gateway(make, True), "http") == PLAIN


def test_the_backends_word_counts(make: Make) -> None:
    """It knows its pages."""
    made = gateway(make, True)
    made.backend("orders").answer = lambda asked: ok(
        b"", (b"Content-Security-Policy", b"default-src 'self'"), (b"x-frame-options", b"SAMEORIGIN")
    )
    said = {b"content-security-policy": b"default-src 'self'", b"x-frame-options": b"SAMEORIGIN"}
    assert fields(made) == PLAIN | HSTS | said


def test_on_errors_too(make: Make) -> None:
    """Of limits, and of a backend that is gone."""
    limited = gateway(make, True, rate_limit={"requests": 1, "window": "60s", "scope": "ip"})
    assert fields(limited) == fields(limited, status=429) == PLAIN | HSTS

    gone = gateway(make, True)
    gone.network.close("127.0.0.1", 9001)
    assert fields(gone, status=502) == PLAIN | HSTS


def test_on_a_preflight(make: Make) -> None:
    """Beside the fields of CORS."""
    made = gateway(make, True, cors={"allowed_origins": ["*"]})
    answer = made.request("OPTIONS", "/orders/7", {"Origin": "https://a.test", "Access-Control-Request-Method": "GET"})
    assert answer.status == 204
    assert answer.headers.get(b"x-content-type-options") == b"nosniff"
