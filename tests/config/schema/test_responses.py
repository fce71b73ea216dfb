"""Security headers, in their three forms."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gateway.config import Settings

Load = Callable[..., Settings]
Complaints = Callable[..., list[str]]
ROUTE = "upstreams: [{name: a, backends: []}]\nroutes: [{path: /, upstream: a, security_headers: %s}]"


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


@pytest.mark.parametrize("written", ["strict", "[X-Frame-Options]", "{'X Frame': DENY}", '{X-A: "a\\nb"}'])
def test_what_is_none_of_these_is_told(complaints: Complaints, written: str) -> None:
    """A field that could not be sent neither."""
    (line,) = complaints(ROUTE % written)

    assert "routes[0].security_headers" in line
