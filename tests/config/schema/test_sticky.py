"""What `sticky` of an upstream may say."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gateway.config import Settings
from gateway.config.effective import as_yaml, route_table

Load = Callable[..., Settings]
Complaints = Callable[..., list[str]]
TEXT = """
upstreams: [{name: a, backends: [{url: "http://127.0.0.1:9"}], sticky: %s}]
routes: [{path: /, upstream: a}]
"""


@pytest.mark.parametrize(
    ("sticky", "words"),
    [
        ("{cookie: 'a b'}", "sticky.cookie: expected the name of a cookie, such as `gw_backend`"),
        ("{cookie: ''}", "sticky.cookie: expected the name of a cookie"),
        ("{cookie: 'a=b'}", "sticky.cookie: expected the name of a cookie"),
        ("{ttl: soon}", "sticky.ttl: expected a duration"),
        ("{secret: ''}", "sticky: expected a `secret` that is not empty"),
        ("{secure: false, same_site: none}", "sticky: expected `secure: true` with `same_site: none`"),
        ("{secure: false, cookie: __Host-gw}", "sticky: expected `secure: true` with a cookie named __Host-gw"),
        ("{same_site: sometimes}", "sticky.same_site: expected"),
        ("{cokie: x}", "cookie"),
    ],
)
def test_what_no_cookie_can_be(complaints: Complaints, sticky: str, words: str) -> None:
    """One error each."""
    (said,) = complaints(TEXT % sticky)
    assert words in said


def test_what_is_shown_of_it(load_text: Load) -> None:
    """Its defaults, without the secret; the table of routes says what clients are bound by."""
    settings = load_text(TEXT % "{secret: shh-do-not-tell}")

    sticky = settings.upstreams[0].sticky
    assert sticky is not None
    assert (sticky.cookie, sticky.ttl, sticky.secure, sticky.same_site) == ("gw_backend", 0.0, True, "lax")
    assert "shh" not in as_yaml(settings)
    assert route_table(settings)[0]["strategy"] == ["round_robin, sticky by gw_backend"]
    assert load_text(TEXT % "null").upstreams[0].sticky is None
