"""What the URL of a backend says."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.config.schema.upstreams import Backend, Upstream


@pytest.mark.parametrize(
    ("url", "scheme", "host", "port"),
    [
        ("http://orders", "http", "orders", 80),
        ("https://orders.example.com", "https", "orders.example.com", 443),
        ("h2c://10.0.0.1:8000", "h2c", "10.0.0.1", 8000),
        ("http://[2001:db8::1]:8080", "http", "2001:db8::1", 8080),
        ("unix:/run/app.sock:/v2", "unix", "/run/app.sock", 0),
    ],
)
def test_scheme_host_and_port(url: str, scheme: str, host: str, port: int) -> None:
    """The port of the scheme where none is written; an address without its brackets."""
    backend = Backend(url=url)

    assert (backend.scheme, backend.host, backend.port) == (scheme, host, port)


@pytest.mark.parametrize(
    ("url", "authority", "base"),
    [
        ("https://shop.example.com:443/v2/", b"shop.example.com", "/v2"),
        ("http://[2001:db8::1]:8080/a/b", b"[2001:db8::1]:8080", "/a/b"),
        ("http://orders", b"orders", ""),
        ("unix:/run/app.sock", b"localhost", ""),
        ("unix:/run/app.sock:/v2", b"localhost", "/v2"),
    ],
)
def test_name_and_base(url: str, authority: bytes, base: str) -> None:
    """What Host says of it, and the path that its requests go below."""
    backend = Backend(url=url)

    assert (backend.authority, backend.base) == (authority, base)


@pytest.mark.parametrize(
    ("written", "sent", "name"),
    [
        ({}, None, None),
        ({"host_header": "backend"}, b"10.0.0.1:8443", None),
        ({"host_header": "shop.example.com:8443"}, b"shop.example.com:8443", "shop.example.com"),
        ({"host_header": "[::1]:8443"}, b"[::1]:8443", "::1"),
        ({"host_header": "shop.example.com", "tls": {"server_name": "x.example"}}, b"shop.example.com", "x.example"),
        ({"host_header": "client", "tls": {"server_name": "x.example"}}, None, "x.example"),
    ],
)
def test_host_sni_and_certificate_agree(written: dict[str, Any], sent: bytes | None, name: str | None) -> None:
    """By default; `server_name` is for who wants it otherwise. None is the name in the backend's own URL."""
    upstream = Upstream.model_validate({"name": "shop", "backends": [{"url": "https://10.0.0.1:8443"}], **written})

    assert upstream.host_sent(upstream.backends[0]) == sent
    assert upstream.tls_of_backends.server_name == name
