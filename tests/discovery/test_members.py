"""What a registry says of a member, and what is taken of it."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.discovery.members import LONGEST, Member, Refused, collect, from_address, from_text, from_url, from_value


@pytest.mark.parametrize(
    ("said", "member"),
    [
        ("http://10.0.0.1:8080", Member("http://10.0.0.1:8080")),
        ("HTTP://Users.Internal", Member("http://users.internal")),
        ({"url": "https://a/v2", "weight": 3}, Member("https://a/v2", 3)),
        ({"url": "h2c://[::1]:50051", "weight": 0, "zone": "a"}, Member("h2c://[::1]:50051", 0)),
    ],
)
def test_what_is_taken(said: Any, member: Member) -> None:
    """A URL, in its normal form, and a weight; other keys may stand beside them."""
    assert from_value(said) == member


WEIGHTS: list[Any] = [-1, 1.5, "1", True, None, 10**9, []]


@pytest.mark.parametrize(
    "said",
    [
        *("", "users", "ftp://a", "unix:/run/docker.sock", "UNIX:/run/a", "file:///etc/passwd", "javascript:1"),
        *("http://user:secret@a", "http://a?x=1", "http://a#x", "http://a b", "http://", "http://a:99999", "//a"),
        *("http://a\r\nX: y", "http://a/../b", None, 7, True, [], {}, {"url": None}, {"url": ["http://a"]}),
        *({"url": "http://a", "weight": one} for one in WEIGHTS),
        "http://" + "a" * LONGEST,
    ],
)
def test_what_is_refused(said: Any) -> None:
    """The words are short and hold no password."""
    with pytest.raises(Refused) as caught:
        from_value(said)
    assert "secret" not in str(caught.value)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    ("text", "member"),
    [
        (b"http://a:1", Member("http://a:1")),
        (b" http://a:1\n", Member("http://a:1")),
        (b'"http://a:1"', Member("http://a:1")),
        (b'{"url": "http://a:1", "weight": 2}', Member("http://a:1", 2)),
    ],
)
def test_a_value_of_etcd(text: bytes, member: Member) -> None:
    """A URL, or JSON."""
    assert from_text(text) == member


@pytest.mark.parametrize("text", [b"", b"\xff", b'{"url":', b"{" * 10_000, b'{"weight": 1}'])
def test_a_value_that_is_none(text: bytes) -> None:
    """It is refused, whatever it is."""
    with pytest.raises(Refused):
        from_text(text)


@pytest.mark.parametrize(
    ("host", "port", "url"),
    [("10.0.0.1", 80, "http://10.0.0.1:80"), ("::1", 81, "http://[::1]:81"), ("a.b", None, "http://a.b")],
)
def test_an_address(host: str, port: int | None, url: str) -> None:
    """IPv6 gets its brackets."""
    assert from_address("http", host, port) == Member(url)


@pytest.mark.parametrize(
    ("host", "port"), [("a@b", 80), ("a/b", 80), ("a?b", 1), ("", 80), ("a", 0), ("a", True), ("a", 65536), (7, 80)]
)
def test_what_is_no_address(host: Any, port: Any) -> None:
    """Nothing of it can become another part of the URL."""
    with pytest.raises(Refused):
        from_address("http", host, port)


def test_each_url_is_there_once() -> None:
    """The first counts; the order is that of the URLs, so that another order is no change."""
    members, refused = collect(["http://b", {"url": "http://a", "weight": 2}, "http://a", "ftp://c"], from_value)
    assert members == [Member("http://a", 2), Member("http://b")]
    assert len(refused) == 1


def test_from_url_of_a_backup() -> None:
    """As SRV records of a lower priority are."""
    assert from_url("http://a", 1, True).backup
