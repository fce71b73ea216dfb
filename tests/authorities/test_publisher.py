"""Where keys are fetched from, and which answers are taken."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, cast

import pytest
from twisted.internet.defer import Deferred, ensureDeferred, succeed

from gateway.authorities.publisher import Published, Publisher
from gateway.dialling.fetching import Fetched, Fetcher, FetchFailed
from gateway.headers import Headers

KEYS = b'{"keys": []}'
WHERE = "https://issuer.example.com/.well-known/openid-configuration"


class Servers:
    """The answers by URL, in place of the fetchers of all servers."""

    def __init__(self, pages: dict[str, Fetched]) -> None:
        self.pages = pages
        self.asked: list[str] = []
        self.made: list[str] = []
        self.stopped = 0

    def __call__(self, url: str) -> Fetcher:
        self.made.append(url)
        return cast("Fetcher", self)

    def fetch(self, method: bytes, url: bytes, fields: Iterable[tuple[bytes, bytes]]) -> Deferred[Fetched]:
        assert method == b"GET"
        assert dict(fields)[b"Accept"] == b"application/jwk-set+json, application/json"
        self.asked.append(url.decode())
        return succeed(self.pages.get(url.decode(), page(b"", 404)))

    def stopService(self) -> Deferred[None]:
        self.stopped += 1
        return succeed(None)


def page(body: bytes, status: int = 200, **fields: str) -> Fetched:
    """An answer."""
    return Fetched(
        status, Headers((name.replace("_", "-").encode(), text.encode()) for name, text in fields.items()), body
    )


def ask(publisher: Publisher) -> Published:
    """Fetch the keys of a publisher that does not wait."""
    came: list[Any] = []
    ensureDeferred(publisher.ask()).addBoth(came.append)
    if not isinstance(came[0], Published):
        came[0].raiseException()
    answer: Published = came[0]
    return answer


def test_keys_are_at_their_url() -> None:
    """No other URL is asked for."""
    servers = Servers({"http://127.0.0.1/jwks": page(KEYS)})

    assert ask(Publisher(servers, "http://127.0.0.1/jwks")) == Published({"keys": []}, None)
    assert servers.asked == ["http://127.0.0.1/jwks"]


@pytest.mark.parametrize(
    ("control", "seconds"),
    [
        ("max-age=300", 300),
        ("public, MAX-AGE=300, must-revalidate", 300),
        ('max-age="300"', 300),
        ("s-maxage=5", None),
        ("max-age=abc", None),
        ("no-store, max-age=300", 0),
        ("no-cache", 0),
        ("", None),
    ],
)
def test_an_issuer_may_say_how_long_its_keys_are_good(control: str, seconds: int | None) -> None:
    """By Cache-Control."""
    servers = Servers({"http://a/": page(KEYS, cache_control=control)})

    assert ask(Publisher(servers, "http://a/")).max_age == seconds


@pytest.mark.parametrize("status", [301, 302, 304, 404, 500])
def test_anything_but_an_answer_is_a_failure(status: int) -> None:
    """A redirect too, which could lead anywhere."""
    with pytest.raises(FetchFailed, match=f"status {status}"):
        ask(Publisher(Servers({"http://a/": page(KEYS, status, location="http://b/")}), "http://a/"))


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"keys":[],"keys":[]}', b"[" * 10_000])
def test_what_is_no_object_is_a_failure(body: bytes) -> None:
    """An answer is read as strictly as a token."""
    with pytest.raises(FetchFailed, match="the answer is "):
        ask(Publisher(Servers({"http://a/": page(body)}), "http://a/"))


def metadata(**changes: Any) -> Servers:
    """An issuer that publishes metadata, and its keys on another server."""
    said = {"issuer": "https://issuer.example.com", "jwks_uri": "https://keys.example.com/jwks", **changes}
    return Servers({WHERE: page(json.dumps(said).encode()), "https://keys.example.com/jwks": page(KEYS)})


@pytest.mark.parametrize("issuer", ["https://issuer.example.com", "https://issuer.example.com/"])
def test_the_metadata_of_an_issuer_say_where_its_keys_are(issuer: str) -> None:
    """OpenID Connect Discovery; each server has a fetcher of its own, which is kept."""
    servers = metadata(issuer=issuer)
    publisher = Publisher(servers, None, issuer)

    assert ask(publisher).document == {"keys": []}
    ask(publisher)

    assert servers.asked == [WHERE, "https://keys.example.com/jwks"] * 2
    assert servers.made == servers.asked[:2]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"issuer": "https://evil.example.com"}, "the metadata are those of another issuer"),
        ({"issuer": None}, "the metadata are those of another issuer"),
        ({"jwks_uri": None}, "the metadata name no jwks_uri"),
        ({"jwks_uri": "file:///etc/passwd"}, "the metadata name no jwks_uri"),
        ({"jwks_uri": "https://a/\r\nb"}, "the metadata name no jwks_uri"),
        ({"jwks_uri": "https://[::/jwks"}, "it has no URL that can be asked"),
        ({"jwks_uri": "https://keys.example.com:http/"}, "it has no URL that can be asked"),
        ({"jwks_uri": "https:///jwks"}, "it has no URL that can be asked"),
        ({"jwks_uri": "https://user:word@keys.example.com/jwks"}, "it has no URL that can be asked"),
        ({"jwks_uri": "http://keys.example.com/jwks"}, "the metadata lead from https to http"),
    ],
)
def test_metadata_are_not_believed_everything(changes: dict[str, Any], words: str) -> None:
    """They must name the issuer that was asked, and a URL that keeps to TLS."""
    servers = metadata(**changes)

    with pytest.raises(FetchFailed, match=words):
        ask(Publisher(servers, None, "https://issuer.example.com"))
    assert servers.asked == [WHERE]


def test_an_issuer_may_have_a_name_in_any_script() -> None:
    """The host is encoded by IDNA."""
    issuer = "https://bücher.example"
    where = "https://xn--bcher-kva.example/.well-known/openid-configuration"
    said = {"issuer": issuer, "jwks_uri": "https://keys.example.com/jwks"}
    servers = Servers({where: page(json.dumps(said).encode()), "https://keys.example.com/jwks": page(KEYS)})

    assert ask(Publisher(servers, None, issuer)).document == {"keys": []}


def test_one_server_is_one_server() -> None:
    """However its name is spelled, it has one fetcher."""
    servers = metadata(jwks_uri="https://ISSUER.example.com:443/jwks")
    servers.pages["https://ISSUER.example.com:443/jwks"] = page(KEYS)

    ask(Publisher(servers, None, "https://issuer.example.com"))

    assert servers.made == [WHERE]


def test_its_connections_are_closed() -> None:
    """Those to every server."""
    servers = metadata()
    publisher = Publisher(servers, None, "https://issuer.example.com")
    ask(publisher)
    ensureDeferred(publisher.stop())

    assert servers.stopped == 2
