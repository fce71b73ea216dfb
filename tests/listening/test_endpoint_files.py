"""Files in endpoint strings, as Twisted's own parser would take them."""

from __future__ import annotations

import pytest

from gateway.listening.endpoint_files import files_of, renamed


@pytest.mark.parametrize(
    ("description", "files"),
    [
        ("tcp:8080:interface=127.0.0.1", []),
        ("unix:/run/gateway.sock", []),
        ("ssl:8443", ["server.pem"]),
        ("ssl:8443:privateKey=/k.pem:certKey=/c.pem", ["/k.pem", "/c.pem"]),
        ("ssl:port=8443:extraCertChain=/chain.pem:privateKey=/k.pem", ["/k.pem", "/chain.pem"]),
        ("ssl:8443:/k.pem:/c.pem", ["/k.pem", "/c.pem"]),
        ("ssl:8443:privateKey=C\\:/k\\=1.pem", ["C:/k=1.pem"]),
        ("sni:8443:certificates=/a,/b.pem:clientCA=/ca.pem:interface=\\:\\:1", ["/a", "/b.pem", "/ca.pem"]),
        ("sni:8443:/a:default=x.example", ["/a"]),
        ("sni:8443", []),
    ],
)
def test_files_of_an_endpoint(description: str, files: list[str]) -> None:
    """Named parameters, those without a name, escapes."""
    assert files_of(description) == files


@pytest.mark.parametrize(
    ("description", "other"),
    [
        ("ssl:8443:privateKey=/k.pem:certKey=/c.pem", "ssl:8443:privateKey=/K.PEM:certKey=/C.PEM"),
        ("ssl:8443:/k.pem:/c.pem:interface=\\:\\:1", "ssl:8443:/K.PEM:/C.PEM:interface=\\:\\:1"),
        ("ssl:port=8443:privateKey=C\\:/k\\=1.pem", "ssl:port=8443:privateKey=C\\:/K\\=1.PEM"),
    ],
)
def test_files_of_other_names(description: str, other: str) -> None:
    """Nothing else changes."""
    assert renamed(description, str.upper) == other
    assert [name.upper() for name in files_of(description)] == files_of(other)
