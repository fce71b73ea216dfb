"""Client certificates that backends are told of, and those that are revoked, in a whole gateway."""

from __future__ import annotations

import datetime
from base64 import b64decode
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from twisted.logger import capturedLogs

from gateway.config import ConfigError
from gateway.identity.tunnels import CertifiedTunnels
from gateway.memory.backend import ok
from gateway.testing import Harness
from tests.flow.test_mtls import Connection
from tests.pki import Authority

CLIENTS = Authority("Clients")
ALICE, BOB = CLIENTS.issue("spiffe://example.org/alice")[0], CLIENTS.issue("spiffe://example.org/bob")[0]


class World:
    """A directory with an authority and its list, and gateways that go by them."""

    def __init__(self, place: Path) -> None:
        self.authorities = CLIENTS.write(place / "clients.pem")
        self.list = CLIENTS.write_list(place / "clients.crl", ALICE)

    def gateway(self, **mtls: Any) -> Harness:
        """A gateway with a route that asks for a certificate, and one that does not."""
        endpoint = f"sni:8443:certificates=live:clientCA={self.authorities}:clientAuth=request"
        return Harness(
            "orders",
            listeners=[{"endpoint": endpoint}],
            routes=[
                {"name": "orders", "path": "/*", "upstream": "orders", "auth": {"type": "mtls"}},
                {"name": "open", "path": "/open", "upstream": "orders"},
            ],
            auth={"mtls": mtls},
        )


@pytest.fixture
def world(tmp_path: Path) -> World:
    """One that has revoked Alice."""
    return World(tmp_path)


@pytest.mark.parametrize("path", ["/", "/open"])
def test_the_backend_sees_the_certificate(world: World, path: str) -> None:
    """As RFC 9440 writes it: the octets of the certificate between colons; on every route that has a backend."""
    made = world.gateway(client_cert_header="Client-Cert")

    assert Connection(made, BOB).get(path).status == 200

    (field,) = made.backend("orders").last.headers.get_all(b"Client-Cert")
    assert field[:1] == field[-1:] == b":"
    assert b64decode(field[1:-1], validate=True) == BOB.public_bytes(Encoding.DER)


@pytest.mark.parametrize(
    "name", ["Client-Cert", "client_cert", "CLIENT.CERT", "Client-Cert-Chain", "X-Certificate", "x_certificate"]
)
def test_no_client_says_what_certificate_it_has(world: World, name: str) -> None:
    """Under any spelling, with or without one of its own."""
    made = world.gateway(client_cert_header="X-Certificate")

    for certificate in (BOB, None):
        assert Connection(made, certificate).get("/open", **{name: ":bWluZQ==:"}).status == 200
        told = made.backend("orders").last.headers
        assert b":bWluZQ==:" not in [value for _, value in told]
        assert (told.get(b"X-Certificate") is None) is (certificate is None)
        assert told.get(b"Client-Cert") is None


def test_it_is_not_told_where_nobody_has_asked_for_it(world: World) -> None:
    """Nor is it read from the connection."""
    made = world.gateway()
    connection = Connection(made, BOB)
    connection.get("/open")

    assert made.backend("orders").last.headers.get(b"Client-Cert") is None
    assert connection.asked == 0


def test_one_that_is_too_long_for_a_field(world: World) -> None:
    """Backends would refuse the head, or take it for one without."""
    many = [f"a-rather-long-name-number-{number}.example.org" for number in range(400)]
    made = world.gateway(client_cert_header="Client-Cert", user="cn")

    response = Connection(made, CLIENTS.issue(*many, common="many")[0]).get("/open")

    assert response.status == 403
    assert made.backend("orders").requests == []


def test_nothing_may_be_decided_by_it(world: World) -> None:
    """It is dropped from what clients send."""
    made = world.gateway(client_cert_header="Client-Cert")
    made.configuration["routes"][1]["headers"] = {"Client-Cert": "*"}

    with pytest.raises(ConfigError, match="it says who is calling"):
        made.apply()


@pytest.mark.parametrize("revoked", ["handshake", "forbidden"])
@pytest.mark.parametrize("path", ["/", "/open", "/none"])
def test_a_revoked_one_is_forbidden(world: World, revoked: str, path: str) -> None:
    """Whatever it asks for, also on a connection that was open before; others come in."""
    made = world.gateway(crl=str(world.list), revoked=revoked)
    if path == "/none":
        del made.configuration["routes"][0]
        made.apply()

    response = Connection(made, ALICE).get(path)

    assert response.status == 403
    assert response.headers.get(b"Gateway-Reason") == b"auth.forbidden"
    assert response.headers.get(b"Connection") == b"close"
    assert made.backend("orders").requests == []
    assert made.last_log["reason"] == "auth.forbidden"
    assert made.metric("gateway_auth_total", method="mtls", outcome="revoked") == 1
    assert Connection(made, BOB).get(path).status == (404 if path == "/none" else 200)
    assert Connection(made, None).get("/open").status == 200


def test_one_that_is_revoked_while_its_connection_is_open(world: World) -> None:
    """Though who it is was found out a moment ago."""
    made = world.gateway(crl=str(world.list))
    connection = Connection(made, BOB)
    assert [connection.get().status, connection.get().status] == [200, 200]

    CLIENTS.write_list(world.list, ALICE, BOB)
    made.apply()

    assert connection.get().status == 403
    CLIENTS.write_list(world.list)
    made.apply()
    assert Connection(made, ALICE).get().status == 200


@pytest.mark.parametrize("content", [b"", b"-----BEGIN X509 CRL-----\nMIIB", b"\x30\x82\x01"])
def test_a_list_that_is_no_good_changes_nothing(world: World, content: bytes) -> None:
    """Empty, or half written; it is told with its file, and the one before stays."""
    made = world.gateway(crl=str(world.list))
    world.list.write_bytes(content)

    with pytest.raises(ConfigError, match=r"auth\.mtls\.crl\[0\]: .*clients\.crl: expected a list of revoked"):
        made.apply()

    assert Connection(made, ALICE).get().status == 403
    assert Connection(made, BOB).get().status == 200


def test_a_list_of_somebody_else_is_an_error(world: World) -> None:
    """Nobody in `clientCA` has signed it."""
    Authority("Clients").write_list(world.list, ALICE)

    with pytest.raises(ConfigError, match="which no authority in a listener's `clientCA` has signed"):
        world.gateway(crl=str(world.list))


def test_a_list_that_is_not_there_is_an_error(world: World) -> None:
    """By its name."""
    with pytest.raises(ConfigError, match=r"auth\.mtls\.crl\[1\]: .*none\.crl: expected a file .* No such file"):
        world.gateway(crl=[str(world.list), str(world.list.with_name("none.crl"))])


def test_a_list_that_expires_says_nothing_any_more(world: World) -> None:
    """Nobody whose certificate it was about comes in, on open connections either; the metric has the time."""
    made = world.gateway()
    now = made.gateway.foundation.wall_clock()
    until = datetime.datetime.fromtimestamp(now + 60, datetime.UTC)
    CLIENTS.write_list(world.list, until=until)
    made.apply(auth={"mtls": {"crl": str(world.list)}})
    connection = Connection(made, BOB)
    assert connection.get().status == 200
    ends = made.metric("gateway_crl_next_update_timestamp_seconds", name="CN=Clients")
    assert ends == int(until.timestamp())

    made.advance(61)

    assert connection.get().status == 403
    assert Connection(made, None).get("/open").status == 200


def warned(world: World) -> list[str]:
    """What a start warns of."""
    with capturedLogs() as logs:
        world.gateway(crl=str(world.list))
    return [str(log["log_format"]).format(**log) for log in logs if log["log_level"].name == "warn"]


def test_what_is_doubtful_is_warned_of(world: World) -> None:
    """A list that has expired already, and an authority that has none: certificates are refused by both."""
    assert warned(world) == []
    future = CLIENTS.revoke(since=datetime.datetime(2080, 1, 1, tzinfo=datetime.UTC))
    world.list.write_bytes(future.public_bytes(Encoding.DER))
    assert warned(world) == ["auth.mtls.crl: the list of CN=Clients is not valid yet: its certificates are refused"]
    assert Connection(world.gateway(crl=str(world.list)), BOB).get().status == 403
    past = datetime.datetime(2021, 1, 1, tzinfo=datetime.UTC)
    CLIENTS.write_list(world.list, until=past)
    other = Authority("Others")
    world.authorities.write_bytes(world.authorities.read_bytes() + other.certificate.public_bytes(Encoding.PEM))

    assert warned(world) == [
        "auth.mtls.crl: the list of CN=Clients has expired: its certificates are refused",
        "auth.mtls.crl: CN=Others has no list: those of clients that it has issued are refused",
    ]


class Chained(Connection):
    """A client whose handshake has verified a chain."""

    def __init__(self, gateway: Harness, *chain: x509.Certificate) -> None:
        super().__init__(gateway, chain[0])
        transport: Any = self.client.transport
        transport.other.getHandle = lambda: self
        self._chain = list(chain)

    def get_verified_chain(self, as_cryptography: bool) -> list[x509.Certificate]:
        assert as_cryptography
        return self._chain


def test_an_authority_that_is_revoked(world: World, tmp_path: Path) -> None:
    """What it has issued is refused: the client showed it in the handshake, and `clientCA` need not have it."""
    middle = Authority("Middle", parent=CLIENTS)
    carol = middle.issue("spiffe://example.org/carol")[0]
    world.authorities.write_bytes(b"".join(each.certificate.public_bytes(Encoding.PEM) for each in (CLIENTS, middle)))
    lists = [CLIENTS.write_list(world.list), middle.write_list(tmp_path / "middle.crl")]
    made = world.gateway(crl=list(map(str, lists)))
    connection = Chained(made, carol, middle.certificate, CLIENTS.certificate)
    assert connection.get().status == 200

    CLIENTS.write_list(world.list, middle.certificate)
    made.apply()

    assert connection.get().status == 403


@pytest.mark.parametrize(("certificate", "status"), [(BOB, 503), (None, 200)])
def test_answers_to_who_shows_a_certificate_are_nobody_elses(
    world: World, certificate: x509.Certificate | None, status: int
) -> None:
    """The backend may have gone by it, so what it answered is not kept for others, for bad times."""
    made = world.gateway(client_cert_header="Client-Cert")
    made.configuration["upstreams"][0]["circuit_breaker"] = {"failure_threshold": 1, "fallback": {"cached": True}}
    made.apply()
    assert Connection(made, certificate).get("/open").status == 200
    made.backend("orders").answers(ok(b"no", status=b"500 Internal Server Error"))
    assert Connection(made, BOB).get("/fails").status == 500

    assert Connection(made, None).get("/open").status == status


def test_a_tunnel_whose_certificate_is_revoked_is_closed(world: World) -> None:
    """When the new list is in force, on whatever route it was opened; others go on."""
    made = world.gateway(crl=str(world.list))
    switch = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
    carol = CLIENTS.issue("spiffe://example.org/carol")[0]
    clients = {}
    for certificate in (BOB, carol, None):
        made.backend("orders").answers(switch)
        connection = Connection(made, certificate)
        fields = {"Connection": "Upgrade", "Upgrade": "websocket"}
        assert connection.get("/open", **fields).status == 101
        clients[certificate] = connection.client

    CLIENTS.write_list(world.list, BOB)
    made.apply()
    made.network.pump()

    told = {one: client.received.partition(b"\r\n\r\n")[2] for one, client in clients.items()}
    assert told[BOB].startswith(b"\x88")
    assert b"the credential was revoked" in told[BOB]
    assert (told[carol], told[None]) == (b"", b"")
    tunnels = made.gateway.foundation.carried.get("certified tunnels", CertifiedTunnels)
    made.hang_up()
    made.advance(10)
    assert len(tunnels) == 0
