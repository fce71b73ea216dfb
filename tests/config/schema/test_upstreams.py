"""What the URL of a backend says."""

from __future__ import annotations

import pytest

from gateway.config.schema.upstreams import Backend


@pytest.mark.parametrize(
    ("url", "scheme", "host", "port"),
    [
        ("http://orders", "http", "orders", 80),
        ("https://orders.example.com", "https", "orders.example.com", 443),
        ("h2c://10.0.0.1:8000", "h2c", "10.0.0.1", 8000),
        ("http://[2001:db8::1]:8080", "http", "2001:db8::1", 8080),
    ],
)
def test_scheme_host_and_port(url: str, scheme: str, host: str, port: int) -> None:
    """The port of the scheme where none is written; an address without its brackets."""
    backend = Backend(url=url)

    assert (backend.scheme, backend.host, backend.port) == (scheme, host, port)
