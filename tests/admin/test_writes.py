"""What changes something over the admin listener: for who has the token."""

from __future__ import annotations

import json
from math import inf
from typing import Any

import pytest
from twisted.internet.address import IPv4Address
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.logger import capturedLogs, eventAsText

from gateway.admin.guard import Guard
from gateway.admin.resources import AdminRoot
from gateway.admin.service import AdminSite
from gateway.admin.writes import auth_writes
from gateway.answering.health import Health
from gateway.identity.orders import Control, Order
from gateway.identity.results import Results
from gateway.identity.revocations import Revocations
from gateway.identity.tunnels import OpenTunnels
from gateway.principal import Principal

TOKEN = "the-admin-token"
SHOWN = f"Bearer {TOKEN}"


class Admin:
    """The admin site over a connection in memory."""

    def __init__(self, most: int = 10) -> None:
        self.token = TOKEN
        self.given: list[Order] = []
        results = Results(60.0, 5.0, 10)
        for number, principal in enumerate((Principal("alice", token_id="t1"), Principal("bob", key_id="k1"))):
            results.keep(bytes([number]), principal, 0.0, inf)
        control = Control(results, Revocations(most), OpenTunnels(), lambda: 100.0, self.given.append)
        writes = auth_writes(Guard(lambda: self.token), lambda: control)
        root = AdminRoot(Health(), lambda accept: (b"text/plain", b""), {}, lambda: writes)
        self.site = AdminSite(root, Clock(), lambda: "an-id")

    def ask(
        self, method: str, path: str, body: bytes = b"", *fields: str, authorization: str = f"Bearer {TOKEN}"
    ) -> Any:
        """Make a request; returns status, fields and what the body says."""
        protocol = self.site.buildProtocol(IPv4Address("TCP", "127.0.0.1", 5))
        transport = StringTransport()
        protocol.makeConnection(transport)
        lines = [f"{method} {path} HTTP/1.1", "Host: localhost", f"Content-Length: {len(body)}", *fields]
        if authorization:
            lines.append(f"Authorization: {authorization}")
        protocol.dataReceived("\r\n".join([*lines, "", ""]).encode() + body)
        head, _, content = transport.value().partition(b"\r\n\r\n")
        first, *rest = head.decode().split("\r\n")
        return int(first.split()[1]), dict(line.split(": ", 1) for line in rest), json.loads(content)


def test_everything_can_be_forgotten() -> None:
    """`DELETE /auth/cache`; the answer says how many that were."""
    admin = Admin()
    status, _, said = admin.ask("DELETE", "/auth/cache")

    assert (status, said) == (200, {"forgotten": 2})
    assert admin.given == [Order(False)]


@pytest.mark.parametrize(
    ("query", "order"),
    [
        ("user=alice", Order(False, "user", "alice")),
        ("user=J%C3%B6rg+1", Order(False, "user", "J\u00f6rg 1")),
        ("key_id=k1", Order(False, "key_id", "k1")),
        ("jti=t1", Order(False, "jti", "t1")),
    ],
)
def test_some_can_be_forgotten(query: str, order: Order) -> None:
    """By user, key or token."""
    admin = Admin()

    assert admin.ask("DELETE", f"/auth/cache?{query}")[0] == 200
    assert admin.given == [order]


@pytest.mark.parametrize(
    ("body", "order"),
    [
        ({"jti": "t1"}, Order(True, "jti", "t1")),
        ({"key_id": "k1", "expires": 5}, Order(True, "key_id", "k1", 5.0)),
    ],
)
def test_a_credential_can_be_refused(body: dict[str, Any], order: Order) -> None:
    """`POST /auth/revocations`."""
    admin = Admin()
    status, _, said = admin.ask("POST", "/auth/revocations", json.dumps(body).encode())

    assert (status, said) == (200, {"forgotten": 1})
    assert admin.given == [order]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("DELETE", "/auth/cache?role=admin", b""),
        ("DELETE", "/auth/cache?user=", b""),
        ("DELETE", "/auth/cache?user", b""),
        ("DELETE", "/auth/cache?user=a&jti=b", b""),
        ("POST", "/auth/revocations", b""),
        ("POST", "/auth/revocations", b"[]"),
        ("POST", "/auth/revocations", b"\xff"),
        ("POST", "/auth/revocations", b"[" * 50_000),
        ("POST", "/auth/revocations", b'{"user": "alice"}'),
        ("POST", "/auth/revocations", b'{"jti": "a", "expires": "soon"}'),
    ],
)
def test_what_cannot_be_read_is_not_done(method: str, path: str, body: bytes) -> None:
    """Above all, half of it is not taken for everything."""
    admin = Admin()
    status, headers, _ = admin.ask(method, path, body)

    assert (status, headers["Gateway-Reason"]) == (400, "request.malformed")
    assert admin.given == []


def test_a_full_list_is_told() -> None:
    """The credential is not refused, and the operator has to know."""
    admin = Admin(most=0)
    status, _, said = admin.ask("POST", "/auth/revocations", b'{"jti": "t1"}')

    assert status == 507
    assert "full" in said["error"]


WRITES = [("DELETE", "/auth/cache"), ("POST", "/auth/revocations")]


@pytest.mark.parametrize(("method", "path"), WRITES)
@pytest.mark.parametrize(
    "shown",
    [
        "",
        "Bearer",
        "Bearer ",
        "Bearer wrong",
        f"Basic {TOKEN}",
        f"Bearer {TOKEN}x",
        f"Bearer {TOKEN[:-1]}",
        "Bearer \xe9",
    ],
)
def test_who_has_not_the_token_changes_nothing(method: str, path: str, shown: str) -> None:
    """401, with the way to show it."""
    admin = Admin()
    status, headers, _ = admin.ask(method, path, b'{"jti": "t1"}', authorization=shown)

    assert status == 401
    assert headers["WWW-Authenticate"].startswith('Bearer realm="admin"')
    assert headers["Gateway-Reason"] == ("auth.invalid" if shown else "auth.missing")
    assert admin.given == []


@pytest.mark.parametrize(("method", "path"), WRITES)
@pytest.mark.parametrize("shown", ["", "Bearer ", f"Bearer {TOKEN}"])
def test_without_a_token_in_the_configuration_nobody_changes_anything(method: str, path: str, shown: str) -> None:
    """An empty one is not one that everybody has."""
    admin = Admin()
    admin.token = ""
    status, headers, _ = admin.ask(method, path, b'{"jti": "t1"}', authorization=shown)

    assert (status, headers["Gateway-Reason"]) == (403, "auth.forbidden")
    assert admin.given == []


def test_two_tokens_are_none() -> None:
    """One of them may be somebody's guess."""
    assert Admin().ask("DELETE", "/auth/cache", b"", "Authorization: Bearer wrong")[0] == 401


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/auth/cache"), ("POST", "/auth/cache"), ("PUT", "/auth/revocations")]
)
def test_another_method_is_told_which_there_are(method: str, path: str) -> None:
    """405 with Allow, whoever asks."""
    status, headers, _ = Admin().ask(method, path)

    assert status == 405
    assert headers["Allow"] == ("DELETE" if path == "/auth/cache" else "POST")


def test_the_log_says_what_was_done_and_shows_no_secret() -> None:
    """Neither whose nor with which token."""
    with capturedLogs() as events:
        Admin().ask("POST", "/auth/revocations", b'{"jti": "hunter2"}')
        Admin().ask("DELETE", "/auth/cache", authorization="Bearer hunter2")

    text = "\n".join(str(eventAsText(event)) for event in events)
    assert "Operator: revoked jti (admin:192.168.1.1)" in text
    assert "hunter2" not in text
    assert TOKEN not in text
