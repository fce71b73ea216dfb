"""Client certificates in a whole gateway: the connection says who is calling."""

from __future__ import annotations

from typing import Any

from cryptography import x509
from OpenSSL import crypto

from gateway.memory.client import FakeClient
from gateway.testing import Harness
from tests.pki import Authority

AUTHORITY = Authority()
ORDERS = AUTHORITY.issue("spiffe://example.org/orders")[0]
MAIL = AUTHORITY.issue("spiffe://example.org/mail")[0]


def gateway(route: dict[str, Any] | None = None, **auth: Any) -> Harness:
    """A route that asks for a client certificate."""
    return Harness(
        "orders",
        routes=[
            {"name": "orders", "path": "/*", "upstream": "orders", "auth": {"type": "mtls", **(route or {})}},
            {"name": "open", "path": "/open", "upstream": "orders"},
        ],
        auth=auth,
    )


class Connection:
    """A client whose handshake is done.

    Attributes:
        asked: How often anybody wanted to see its certificate.
    """

    def __init__(self, gateway: Harness, certificate: x509.Certificate | None) -> None:
        self.asked = 0
        self.client: FakeClient = gateway.client()
        self._gateway = gateway
        self._shown = None if certificate is None else crypto.X509.from_cryptography(certificate)
        transport: Any = self.client.transport
        transport.other.getPeerCertificate = self._show

    def get(self, target: str = "/", **headers: str) -> Any:
        return self._gateway.request("GET", target, headers, client=self.client)

    def _show(self) -> crypto.X509 | None:
        self.asked += 1
        return self._shown


SHOP = {"name": "spiffe://example.org/orders", "user": "orders", "roles": ["shop"], "scopes": ["read"]}


def test_the_backend_is_told_who_it_is() -> None:
    """With the roles and scopes of the configuration; the log has the name too."""
    made = gateway(mtls={"clients": [SHOP]})

    assert Connection(made, ORDERS).get().status == 200

    asked = made.backend("orders").last.headers
    assert [asked.get(name) for name in (b"x-user-id", b"x-user-roles", b"x-user-scopes")] == [
        b"orders",
        b"shop",
        b"read",
    ]
    assert made.last_log["user_id"] == "orders"
    assert made.metric("gateway_auth_total", method="mtls", outcome="verified") == 1


def test_the_name_itself_where_nothing_else_is_said() -> None:
    """The user is the name in the certificate."""
    made = gateway()
    Connection(made, ORDERS).get()

    assert made.backend("orders").last.headers.get(b"x-user-id") == b"spiffe://example.org/orders"


def test_without_a_certificate() -> None:
    """By TLS or in the clear: 401, and nothing that a request could add."""
    made = gateway()

    for response in (Connection(made, None).get(), made.get("/")):
        assert response.status == 401
        assert response.headers.get(b"gateway-reason") == b"auth.missing"
    assert made.backend("orders").requests == []


def test_who_is_not_listed() -> None:
    """Refused, where only listed names are let in."""
    made = gateway(mtls={"clients": [SHOP], "listed_only": True})

    assert Connection(made, ORDERS).get().status == 200
    response = Connection(made, MAIL).get()
    assert response.status == 401
    assert response.headers.get(b"gateway-reason") == b"auth.invalid"
    assert b"mail" not in response.body


def test_roles_and_scopes_are_asked_for() -> None:
    """A known caller may lack them."""
    made = gateway({"roles": ["shop"]}, mtls={"clients": [SHOP]})

    assert Connection(made, ORDERS).get().status == 200
    assert Connection(made, MAIL).get().status == 403


def test_a_connection_is_asked_once_and_only_where_a_route_wants_to_know() -> None:
    """Other routes do not pay for reading the certificate."""
    made = gateway()
    connection = Connection(made, ORDERS)

    connection.get("/open")
    assert connection.asked == 0
    for _ in range(3):
        assert connection.get().status == 200
    assert connection.asked == 1


def test_a_certificate_or_a_key() -> None:
    """A client with neither is told of the ways that there are."""
    made = gateway(
        {"type": None, "any_of": ["mtls", "api_key"]}, api_keys={"keys": [{"id": "acme", "key": "a-key-of-acme"}]}
    )

    assert Connection(made, ORDERS).get().status == 200
    assert Connection(made, None).get("/", **{"X-API-Key": "a-key-of-acme"}).status == 200
    assert made.get("/").headers.get(b"www-authenticate") == b'ApiKey realm="api"'


def test_one_certificate_can_be_put_on_the_deny_list() -> None:
    """By its fingerprint, even if its principal is cached."""
    from cryptography.hazmat.primitives import hashes

    from gateway.identity.orders import Order

    made = gateway()
    connection = Connection(made, ORDERS)
    assert connection.get().status == 200

    made.gateway.root.tree.credentials.give(Order(True, "jti", ORDERS.fingerprint(hashes.SHA256()).hex()))

    assert connection.get().status == 401
    assert Connection(made, MAIL).get().status == 200
