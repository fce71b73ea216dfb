"""`POST /cache/purge`: what is read in the body, and what is said."""

from __future__ import annotations

import json
from typing import Any

import pytest
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.logger import capturedLogs, eventAsText

from gateway.admin.guard import Guard
from gateway.admin.purges import purge_writes
from gateway.admin.resources import AdminRoot
from gateway.admin.service import AdminSite
from gateway.answering.health import Health
from gateway.caching.store import Purge


class Caches:
    """What was purged."""

    routes = ("users", "pages")

    def __init__(self) -> None:
        self.purged: list[Purge] = []
        self.told: Any = True

    def purge(self, purge: Purge) -> Any:
        self.purged.append(purge)
        return self.told


class Admin:
    """The admin site over a connection in memory."""

    def __init__(self) -> None:
        self.caches = Caches()
        root = AdminRoot(
            Health(),
            lambda accept: (b"text/plain", b""),
            {},
            lambda: dict(purge_writes(Guard(lambda: "the-token"), lambda: self.caches)),
        )
        self.site = AdminSite(root, Clock(), lambda: "an-id")

    def send(self, body: bytes, method: str = "POST", token: str = "the-token") -> tuple[Any, StringTransport]:
        """Make a request."""
        protocol = self.site.buildProtocol(IPv4Address("TCP", "127.0.0.1", 5))
        transport = StringTransport()
        protocol.makeConnection(transport)
        shown = f"Authorization: Bearer {token}\r\n" if token else ""
        head = f"{method} /cache/purge HTTP/1.1\r\nHost: localhost\r\n{shown}Content-Length: {len(body)}\r\n\r\n"
        protocol.dataReceived(head.encode() + body)
        return protocol, transport

    def ask(self, document: Any, **other: str) -> tuple[int, Any]:
        """Make a request; returns status and what the body says."""
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        return answered(self.send(body, **other)[1])


def answered(transport: StringTransport) -> tuple[int, Any]:
    """Return status and body."""
    head, _, content = transport.value().partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(content)


def facts(purge: Purge) -> tuple[Any, ...]:
    """All of it."""
    return purge.route, purge.url, purge.query, purge.tag


@pytest.mark.parametrize(
    ("said", "purge"),
    [
        ({}, Purge()),
        ({"route": "users"}, Purge(route="users")),
        ({"tag": "product-7"}, Purge(tag=b"product-7")),
        ({"tag": "größe"}, Purge(tag="größe".encode())),
        ({"url": "http://API.example:80/a"}, Purge(url=b"api.example/a")),
        ({"url": "https://api.example:443/a?"}, Purge(url=b"api.example/a", query=b"")),
        ({"url": "https://api.example:80"}, Purge(url=b"api.example:80/")),
        (
            {"url": "HTTP://[2001:DB8::1]:81/%7Ea/./b//c?x=1&y=%2f"},
            Purge(url=b"[2001:db8::1]:81/~a/b/c", query=b"x=1&y=%2f"),
        ),
        ({"url": "http://bücher.example/straße"}, Purge(url=b"xn--bcher-kva.example/stra%C3%9Fe")),
    ],
)
def test_what_is_said_is_purged(said: dict[str, str], purge: Purge) -> None:
    """URLs in the form that keys have."""
    admin = Admin()

    with capturedLogs() as events:
        assert admin.ask(said) == (200, {"purged": said})

    assert [facts(one) for one in admin.caches.purged] == [facts(purge)]
    assert any("Operator: purged" in (eventAsText(event) or "") for event in events)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (b"", "The body is not JSON; {} purges everything."),
        (b"{", "The body is not JSON; {} purges everything."),
        (b"[" * 30000, "The body is not JSON; {} purges everything."),
        ([], "Expected an object"),
        (None, "Expected an object"),
        ({"routes": "users"}, "There is no `routes` to purge by, did you mean `route`?"),
        ({"x": 1}, "There is no `x` to purge by; there are route, url and tag."),
        ({"route": "users", "tag": "a"}, "Expected one of route, url and tag, found route and tag."),
        ({"route": "user"}, "There is no route `user` that keeps answers, did you mean `users`?"),
        ({"route": "x"}, "There is no route `x` that keeps answers."),
        ({"route": None}, "route: expected a text, found null."),
        ({"route": ["users"]}, 'route: expected a text, found ["users"].'),
        ({"tag": ""}, 'tag: expected a text, found "".'),
        ({"tag": "a b"}, "tag: expected one tag, without blanks and commas."),
        ({"tag": "a\n"}, "tag: expected one tag, without blanks and commas."),
        ({"url": "/a"}, 'url: expected a URL that begins with http:// or https://, and a host, found "/a".'),
        ({"url": "ftp://a/b"}, "url: expected a URL that begins with http:// or https://"),
        ({"url": "http:///b"}, "url: expected a URL that begins with http:// or https://"),
        ({"url": "http://a/b#c"}, "url: expected a URL without a fragment"),
        ({"url": "http://u:p@a/"}, "url: expected a URL without user and password"),
        ({"url": "http://a/b c"}, "url: expected a URL that begins with http:// or https://"),
        ({"url": "http://a/%"}, 'url: no request can be for "http://a/%".'),
        ({"url": "http://a/../b"}, 'url: no request can be for "http://a/../b".'),
    ],
)
def test_anything_else_is_a_400(said: Any, words: str) -> None:
    """Which says what was wanted; nothing is purged."""
    admin = Admin()

    status, problem = admin.ask(said)

    assert (status, problem["type"].rpartition(":")[2].rpartition("/")[2]) == (400, "request.malformed")
    assert problem["detail"].startswith(words)
    assert admin.caches.purged == []


def test_redis_that_does_not_answer_is_said() -> None:
    """Then other instances may still give what was purged."""
    admin = Admin()
    admin.caches.told = False

    status, said = admin.ask({"tag": "a"})

    assert status == 503
    assert "other instances are told as soon as it does" in said["error"]


@pytest.mark.parametrize(("told", "status"), [(True, 200), (False, 503)])
def test_redis_is_waited_for(told: bool, status: int) -> None:
    """Without holding the reactor."""
    admin = Admin()
    waiting = admin.caches.told = Deferred()
    _, transport = admin.send(b"{}")
    assert transport.value() == b""

    waiting.callback(told)

    assert answered(transport)[0] == status


def test_a_fault_while_it_is_waited_for_shows_nothing() -> None:
    """It is a 500, and logged."""
    admin = Admin()
    waiting = admin.caches.told = Deferred()
    _, transport = admin.send(b"{}")

    with capturedLogs() as events:
        waiting.errback(RuntimeError("a secret"))

    assert answered(transport)[0] == 500
    assert b"secret" not in transport.value()
    assert any("The admin listener failed on" in (eventAsText(event) or "") for event in events)


def test_an_operator_who_leaves_meanwhile_is_not_answered() -> None:
    """The purge goes on."""
    admin = Admin()
    waiting = admin.caches.told = Deferred()
    protocol, transport = admin.send(b"{}")
    protocol.connectionLost()

    waiting.callback(True)

    assert transport.value() == b""


@pytest.mark.parametrize(("token", "status"), [("", 401), ("wrong", 401)])
def test_only_who_has_the_token_may(token: str, status: int) -> None:
    """As for the other writes."""
    admin = Admin()

    assert admin.ask({}, token=token)[0] == status
    assert admin.caches.purged == []


def test_it_is_a_post() -> None:
    """A page that makes a browser follow a link purges nothing."""
    admin = Admin()

    assert admin.ask(b"", method="GET")[0] == 405
    assert admin.caches.purged == []
