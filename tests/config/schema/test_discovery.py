"""`discovery` of an upstream: which keys belong to which type, and what their errors say."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.config import ConfigError, from_mapping
from gateway.config.effective import as_yaml
from gateway.config.schema.discovery import Discovery

GOOD: list[dict[str, Any]] = [
    {"type": "dns", "name": "users.internal", "port": 8080},
    {"type": "dns", "name": "Users.Internal.", "resolver": "[::1]:53", "scheme": "https"},
    {"type": "dns_srv", "name": "_http._tcp.users.internal", "resolver": "127.0.0.1:5353"},
    {"type": "file", "path": "users.json"},
    {"type": "consul", "service": "users", "tag": None, "passing": True, "token": "t", "datacenter": None},
    {
        "type": "etcd",
        "endpoints": ["http://127.0.0.1:2379"],
        "prefix": "/services/users/",
        "user": "u",
        "password": "p",
    },
    {"type": "kubernetes", "service": "users", "namespace": "default", "port": "http"},
    {"type": "kubernetes", "service": "users", "url": "https://10.0.0.1", "token_file": "token", "ca": "ca.pem"},
]


def found(said: dict[str, Any], **upstream: Any) -> Discovery:
    """Return what an upstream's `discovery` is."""
    (made,) = from_mapping({"upstreams": [{"name": "users", "discovery": said, **upstream}]}).upstreams
    assert made.discovery is not None
    return made.discovery


@pytest.mark.parametrize("said", GOOD)
def test_what_is_taken(said: dict[str, Any]) -> None:
    """As the contract has it; an upstream needs no `backends` then."""
    assert found(said).type == said["type"]


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({}, "discovery.type"),
        ({"type": "zookeeper"}, "`dns`, `dns_srv`, `file`, `consul`, `etcd` or `kubernetes`, found"),
        ({"type": "dns"}, "expected `name` for discovery of type dns, found none"),
        ({"type": "file", "path": "a", "name": "b"}, "expected only keys of discovery of type file, found `name`"),
        ({"type": "dns", "name": "a b"}, "expected a name of the DNS"),
        ({"type": "dns", "name": "a", "port": "http"}, "expected a number as `port`"),
        ({"type": "dns", "name": "a", "port": 0}, "expected a port from 1 to 65535"),
        ({"type": "dns", "name": "a", "resolver": "10.0.0.1"}, "the address and port of a name server"),
        ({"type": "dns", "name": "a", "resolver": "ns.test:53"}, "the address and port of a name server"),
        ({"type": "dns", "name": "a", "resolver": "10.0.0.1:0"}, "the address and port of a name server"),
        ({"type": "dns", "name": "a", "resolver": "1.2.3.4.5:53"}, "the address and port of a name server"),
        ({"type": "etcd", "prefix": ""}, "expected a text that is not empty"),
        ({"type": "etcd", "prefix": "a\nb"}, "expected a prefix of keys"),
        ({"type": "etcd", "prefix": "/a", "endpoints": []}, "expected at least one of `endpoints`"),
        ({"type": "etcd", "prefix": "/a", "endpoints": ["ftp://a"]}, "endpoints[0]"),
        ({"type": "etcd", "prefix": "/a", "endpoints": ["http://u:pw@a"]}, "expected a URL without user and password"),
        ({"type": "etcd", "prefix": "/a", "user": "u"}, "expected `user` and `password` together"),
        ({"type": "consul", "service": "a/b"}, "expected the name of a service"),
        ({"type": "kubernetes", "service": "a", "namespace": "A"}, "expected the name of a namespace"),
        ({"type": "dns", "name": "a", "scheme": "ftp"}, "discovery.scheme"),
        ({"type": "dns", "name": "a", "nmae": "b"}, "name"),
    ],
)
def test_what_is_refused(said: dict[str, Any], words: str) -> None:
    """With the place, what was wanted and what was there."""
    with pytest.raises(ConfigError) as caught:
        found(said)
    assert words in str(caught.value)
    assert "mapping.json:" in str(caught.value)


def test_a_check_must_suit_the_scheme() -> None:
    """As for backends that are written."""
    with pytest.raises(ConfigError, match="type `grpc`, `tcp` or `script`"):
        found({"type": "dns", "name": "a", "scheme": "h2c"}, health_check={})
    with pytest.raises(ConfigError, match="`protocol: http2` or `auto`"):
        found({"type": "dns", "name": "a", "scheme": "h2c"}, protocol="http1")


def test_an_upstream_without_both_is_refused() -> None:
    """It would answer with 503 for ever: who wants that says `backends: []`."""
    with pytest.raises(ConfigError, match="expected `backends` or `discovery`"):
        from_mapping({"upstreams": [{"name": "users"}]})


def test_secrets_are_shown_to_nobody() -> None:
    """Neither a token nor a password."""
    shown = as_yaml(
        from_mapping(
            {
                "upstreams": [
                    {"name": "a", "discovery": {"type": "consul", "service": "a", "token": "s3cret"}},
                    {
                        "name": "b",
                        "discovery": {
                            "type": "etcd",
                            "prefix": "/b",
                            "user": "u",
                            "password": "s3cret",
                        },
                    },
                ]
            }
        )
    )
    assert "s3cret" not in shown
    assert shown.count("**********") == 2


def test_a_question_is_what_is_asked() -> None:
    """Not who is asked, nor by whom."""
    one = found({"type": "etcd", "prefix": "/a", "endpoints": ["http://a:1"]})
    other = found({"type": "etcd", "prefix": "/a", "endpoints": ["http://b:1"], "user": "u", "password": "p"})
    assert one.question == other.question
    assert one.question != found({"type": "etcd", "prefix": "/b"}).question


@pytest.mark.parametrize("protocol", ["auto", "http1", "http2"])
@pytest.mark.parametrize("url", ["http://a", "https://a", "h2c://a", "unix:/run/a"])
def test_calls_may_come_where_http2_may_be_spoken(url: str, protocol: str) -> None:
    """The upstream as a whole says what its one backend does."""
    if (url, protocol) == ("h2c://a", "http1"):
        return
    (upstream,) = from_mapping(
        {"upstreams": [{"name": "a", "backends": [{"url": url}], "protocol": protocol}]}
    ).upstreams
    assert upstream.may_take_calls is upstream.may_speak_http2(upstream.backends[0])
