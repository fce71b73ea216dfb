"""A tunnel ends with the credential that opened it: when that is revoked, removed or expires."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bcrypt
import pytest

from gateway.composition.builders.identity import open_tunnels
from gateway.identity.orders import Order
from gateway.testing import FakeClient, Harness
from tests.flow.test_oauth import ACME, ask
from tests.tokens import SECRET, START, said, sign

SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
Make = Callable[..., Harness]

WAYS: dict[str, dict[str, Any]] = {
    "jwt": {"type": "jwt"},
    "api_key": {"type": "api_key"},
    "any_of": {"any_of": ["api_key", "jwt"]},
    "all_of": {"all_of": ["jwt", "api_key"]},
}
KEYS = [{"id": "acme", "key": "acme-key"}, {"id": "other", "key": "other-key"}]


def close_frame(reason: str) -> bytes:
    """A close frame of a server, unmasked: 1008 and the reason (RFC 6455 section 5.5.1)."""
    return bytes([0x88, 2 + len(reason)]) + b"\x03\xf0" + reason.encode()


def protected(make: Make, auth: dict[str, Any] | None = None, way: str = "any_of") -> Harness:
    """Ask for a token or a key in front of a backend that speaks WebSocket."""
    verifier = {"algorithms": ["HS256"], "secret": SECRET}
    route = {"name": "orders", "path": "/orders/*", "upstream": "orders", "auth": WAYS[way]}
    return make(
        "orders",
        routes=[route],
        auth={"jwt": {"default": verifier}, "api_keys": {"keys": KEYS}, **(auth or {})},
    )


def connect(gateway: Harness, *fields: str, protocol: str = "websocket") -> FakeClient:
    """Open a tunnel."""
    gateway.backend("orders").answers(SWITCH.replace(b"websocket", protocol.encode()))
    head = ["GET /orders/chat HTTP/1.1", "Host: h", "Connection: Upgrade", f"Upgrade: {protocol}", *fields]
    client = gateway.send("\r\n".join([*head, "", ""]).encode())
    assert client.received.startswith(b"HTTP/1.1 101 ")
    return client


def bearer(**claims: Any) -> str:
    """A token in its field."""
    return f"Authorization: Bearer {sign(SECRET, 'HS256', said(aud=None, **claims))}"


def told(client: FakeClient) -> bytes:
    """The octets that came through the tunnel."""
    return client.received.partition(b"\r\n\r\n")[2]


def order(gateway: Harness, *what: Any) -> None:
    """Give an order about a credential, as the admin listener, the token endpoint and Redis do."""
    gateway.gateway.root.tree.credentials.obey(Order(*what))
    gateway.network.pump()


@pytest.mark.parametrize(
    ("way", "fields", "revoked", "other"),
    [
        ("jwt", [bearer(jti="one")], ("jti", "one"), ("jti", "two")),
        ("api_key", ["X-API-Key: acme-key"], ("key_id", "acme"), ("key_id", "other")),
        ("all_of", [bearer(jti="one"), "X-API-Key: acme-key"], ("key_id", "acme"), ("key_id", "one")),
        ("all_of", [bearer(jti="one"), "X-API-Key: acme-key"], ("jti", "one"), ("jti", "acme")),
    ],
)
def test_a_tunnel_is_closed_when_what_opened_it_is_revoked(
    make: Make, way: str, fields: list[str], revoked: tuple[str, str], other: tuple[str, str]
) -> None:
    """At once, with 1008, on both sides; tunnels of other credentials go on."""
    gateway = protected(make, way=way)
    client = connect(gateway, *fields)
    order(gateway, True, *other)
    order(gateway, False, *revoked)
    assert told(client) == b""

    order(gateway, True, *revoked)

    assert told(client) == close_frame("the credential was revoked")
    assert client.end_of_input
    client.close()
    gateway.network.pump()
    assert gateway.backend("orders").connection.end_of_input
    assert [record["status_code"] for record in gateway.logs] == [101]
    assert not len(open_tunnels(gateway.gateway.foundation))
    gateway.check_quiet()


def test_the_token_endpoint_closes_what_its_token_opened(make: Make) -> None:
    """RFC 7009: a revoked token is good for nothing, so what it opened ends too."""
    route = {"name": "orders", "path": "/orders/*", "upstream": "orders", "auth": {"type": "jwt", "verifier": "oauth"}}
    oauth = {"issuer": "https://g.example.com", "audience": "api", "clients": [ACME]}
    gateway = make("orders", routes=[route], auth={"oauth": oauth})
    token = ask(gateway).json["access_token"]
    client = connect(gateway, f"Authorization: Bearer {token}")

    assert ask(gateway, "/oauth/revoke", token=token).status == 200

    assert told(client) == close_frame("the credential was revoked")


def test_a_tunnel_of_another_protocol_is_closed_without_words(make: Make) -> None:
    """The gateway does not know that protocol's messages."""
    gateway = protected(make)
    client = connect(gateway, bearer(jti="one"), protocol="echo")

    order(gateway, True, "jti", "one")

    assert told(client) == b""
    assert client.closed is not None
    gateway.check_quiet()


def test_a_credential_that_is_revoked_while_the_backend_thinks(make: Make) -> None:
    """It was good when it was shown; the tunnel is closed as soon as it is opened."""
    gateway = protected(make)
    gateway.backend("orders").answers(b"")
    head = "GET /orders/chat HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    client = gateway.send(f"{head}{bearer(jti='one')}\r\n\r\n".encode())
    order(gateway, True, "jti", "one")
    gateway.backend("orders").connection.send(SWITCH)
    gateway.network.pump()

    assert told(client) == close_frame("the credential was revoked")
    assert client.end_of_input


def test_a_key_that_the_configuration_has_no_more(make: Make) -> None:
    """Its tunnels are closed when the new configuration is in force; those of other keys go on."""
    gateway = protected(make)
    gone, changed, stays = (
        connect(gateway, field) for field in ("X-API-Key: acme-key", "X-API-Key: other-key", bearer(jti="one"))
    )
    auth = gateway.configuration["auth"]

    gateway.apply(auth={**auth, "cache": {"ttl": "1s"}})
    gateway.network.pump()
    assert [told(client) for client in (gone, changed, stays)] == [b"", b"", b""]

    gateway.apply(auth={**auth, "api_keys": {"keys": [{"id": "other", "key": "another-key"}]}})
    gateway.network.pump()

    said_so = close_frame("the credential was revoked")
    assert [told(client) for client in (gone, changed, stays)] == [said_so, said_so, b""]


@pytest.mark.parametrize("until", ["until_revoked", "until_expiry", None])
def test_a_tunnel_ends_with_its_token_where_that_is_wished(make: Make, until: str | None) -> None:
    """With `auth.tunnels: until_expiry`; otherwise a token is verified only when the tunnel is opened."""
    gateway = protected(make, {} if until is None else {"tunnels": until})
    client = connect(gateway, bearer(jti="one", exp=START + 100))
    forever = connect(gateway, "X-API-Key: acme-key")

    gateway.advance(99)
    assert told(client) == b""
    gateway.advance(2)

    assert told(client) == (close_frame("the credential has ended") if until == "until_expiry" else b"")
    assert told(forever) == b""


def test_a_tunnel_that_is_over_before_its_token_leaves_no_timer(make: Make) -> None:
    """The timer for the end of the token is cancelled."""
    gateway = protected(make, {"tunnels": "until_expiry"})
    timers = len(gateway.clock.getDelayedCalls())
    client = connect(gateway, bearer(jti="one"))
    assert len(gateway.clock.getDelayedCalls()) > timers

    client.close()
    gateway.network.pump()
    gateway.backend("orders").connection.close()
    gateway.network.pump()

    assert len(gateway.clock.getDelayedCalls()) == timers
    assert not len(open_tunnels(gateway.gateway.foundation))


def test_a_user_whose_password_was_changed(make: Make, tmp_path: Path) -> None:
    """What was opened with the one before is closed; who stays in the file as before goes on."""
    file = tmp_path / "htpasswd"
    old, new, bob = (bcrypt.hashpw(password, bcrypt.gensalt(4)).decode() for password in (b"old", b"new", b"bob"))
    file.write_text(f"alice:{old}\nbob:{bob}\n")
    route = {"name": "orders", "path": "/orders/*", "upstream": "orders", "auth": {"type": "basic"}}
    gateway = make("orders", routes=[route], auth={"basic": {"users_file": str(file)}})
    changed, stays = (
        connect(gateway, f"Authorization: Basic {b64encode(shown).decode()}") for shown in (b"alice:old", b"bob:bob")
    )

    file.write_text(f"alice:{new}\nbob:{bob}\n")
    gateway.apply()
    gateway.network.pump()

    assert [told(client) for client in (changed, stays)] == [close_frame("the credential was revoked"), b""]
