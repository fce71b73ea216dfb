"""What a route says about answers for browsers: security headers in their three forms, and CORS."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gateway.config import Settings

Load = Callable[..., Settings]
Complaints = Callable[..., list[str]]
ROUTE = "upstreams: [{name: a, backends: []}]\nroutes: [{path: /, upstream: a, security_headers: %s}]"
CORS = "upstreams: [{{name: a, backends: []}}]\nroutes: [{{path: /, upstream: a, cors: {{{cors}}}}}]"


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("true", True),
        ("false", False),
        ("{X-Frame-Options: DENY, Referrer-Policy: false}", {"X-Frame-Options": "DENY", "Referrer-Policy": None}),
    ],
)
def test_on_off_or_field_by_field(load_text: Load, written: str, read: object) -> None:
    """A field that is `false` is left out."""
    assert load_text(ROUTE % written).routes[0].security_headers == read


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("strict", '"strict"'),
        ("[X-Frame-Options]", "a list"),
        ("{A: b, 'X Frame': DENY}", '"X Frame"'),
        ('{A: b, X-A: "a\\nb"}', "`X-A`"),
    ],
)
def test_what_is_none_of_these_is_told(complaints: Complaints, written: str, found: str) -> None:
    """A field that could not be sent neither; of several, which one."""
    (line,) = complaints(ROUTE % written)

    assert "routes[0].security_headers" in line
    assert found in line


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("https://App.Example.com", "https://app.example.com"),
        ("https://app.example.com:443", "https://app.example.com"),
        ("http://localhost:3000", "http://localhost:3000"),
        ("https://*.example.com:8443", "https://*.example.com:8443"),
        ("https://bücher.example", "https://xn--bcher-kva.example"),
        ("capacitor://localhost", "capacitor://localhost"),
        ("chrome-extension://abcdefghijklmnop", "chrome-extension://abcdefghijklmnop"),
        ("null", "null"),
        ("*", "*"),
    ],
)
def test_origins_are_read_as_browsers_write_them(load_text: Load, written: str, read: str) -> None:
    """Else they would fit no request."""
    cors = load_text(CORS.format(cors=f'allowed_origins: ["{written}"]')).routes[0].cors

    assert cors is not None
    assert cors.allowed_origins == (read,)


@pytest.mark.parametrize(
    ("cors", "said"),
    [
        ('allowed_origins: ["app.example.com"]', "an origin such as"),
        ('allowed_origins: ["https://app.example.com/"]', "an origin such as"),
        ('allowed_origins: ["https://app.example.com/page"]', "an origin such as"),
        ('allowed_origins: ["https://*"]', "an origin such as"),
        ('allowed_origins: ["*.example.com"]', "an origin such as"),
        ('allowed_origins: ["Capacitor://localhost"]', "an origin such as"),
        ('allowed_origins: ["capacitor://localhost/page"]', "an origin such as"),
        ('allowed_origins: ["*"], allow_credentials: true', "the origins by name"),
        (
            'allowed_origins: ["https://a.test"], exposed_headers: ["*"], allow_credentials: true',
            "the fields by name",
        ),
    ],
)
def test_what_would_fit_no_request_is_an_error(complaints: Complaints, cors: str, said: str) -> None:
    """So is what browsers do not take."""
    assert any("cors" in line and said in line for line in complaints(CORS.format(cors=cors)))
