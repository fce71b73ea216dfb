"""Listeners with `proxy_protocol` that nobody may come by."""

from __future__ import annotations

import pytest

from gateway.config import from_mapping
from gateway.config.doubts.introductions import introductions


@pytest.mark.parametrize(
    ("endpoint", "trusted", "lacks"),
    [
        ("tcp:8080", [], "the address of the proxy"),
        ("tcp:8080", ["unix:"], "the address of the proxy"),
        ("ssl:8443:privateKey=k.pem:certKey=c.pem", [], "the address of the proxy"),
        ("unix:/run/g.sock:mode=660", ["10.0.0.2"], "`unix:`"),
        ("systemd:domain=INET:index=0", [], "the address of the proxy"),
        ("tcp:8080", ["10.0.0.2"], None),
        ("unix:/run/g.sock:mode=660", ["unix:"], None),
        ("systemd:domain=UNIX:index=0", ["unix:"], None),
    ],
)
def test_a_listener_that_lets_nobody_in(endpoint: str, trusted: list[str], lacks: str | None) -> None:
    """Only who is trusted may say whom a connection is for."""
    listeners = [{"endpoint": "tcp:9999"}, {"endpoint": endpoint, "proxy_protocol": True}]
    found = list(introductions(from_mapping({"listeners": listeners, "trusted_proxies": trusted})))

    if lacks is None:
        assert found == []
    else:
        ((place, words),) = found
        assert place == ("listeners", 1, "proxy_protocol")
        assert words.startswith("it lets nobody in")
        assert words.endswith(f"lack {lacks}")


def test_without_headers_nobody_has_to_be_trusted() -> None:
    """As most listeners are."""
    assert list(introductions(from_mapping({"listeners": [{"endpoint": "tcp:8080"}]}))) == []


def test_twisted_s_own_headers() -> None:
    """Its wrapper tells the transport, which nobody here asks, and believes all."""
    listeners = [{"endpoint": "haproxy:tcp:8080", "proxy_protocol": True}]
    ((place, words),) = introductions(from_mapping({"listeners": listeners, "trusted_proxies": ["10.0.0.2"]}))

    assert place == ("listeners", 0, "endpoint")
    assert words.endswith("write `endpoint: tcp:8080` and `proxy_protocol: true`")
