"""Revoked client certificates, in real handshakes with a gateway under twistd, and what a backend is told of others."""

from __future__ import annotations

import datetime
import socket
import ssl
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from tests.pki import Authority
from tests.system.backends import httpbin
from tests.system.gateway_process import PATIENCE, GatewayProcess, until
from tests.system.ports import free_port


class World:
    """A gateway that asks clients for certificates, of an authority between the root and them."""

    def __init__(self, place: Path, origin: str, **mtls: Any) -> None:
        self.place = place
        servers = Authority("Servers")
        self.root = Authority("Root")
        self.middle = Authority("Middle", parent=self.root)
        servers.write_identity(place / "live" / "gateway.pem", "127.0.0.1", "gateway.test")
        servers.write_identity(place / "live" / "other.pem", "other.test")
        self.trusts = servers.write(place / "ca.pem")
        certificates = [each.certificate.public_bytes(Encoding.PEM) for each in (self.root, self.middle)]
        (place / "clients.pem").write_bytes(b"".join(certificates))
        self.alice = self.middle.write_identity(place / "alice.pem", "spiffe://example.org/alice", common="alice")
        self.bob = self.middle.write_identity(place / "bob.pem", "spiffe://example.org/bob", common="bob")
        self.port = free_port()
        self.revoke(self.middle, self.certificate(self.alice))
        self.revoke(self.root)
        endpoint = f"sni:{self.port}:certificates={place}/live:clientCA={place}/clients.pem:clientAuth=request"
        lists = [str(place / "Middle.crl"), str(place / "Root.crl")]
        self.gateway = GatewayProcess(
            place,
            listeners=[{"endpoint": f"{endpoint}:interface=127.0.0.1"}],
            auth={"mtls": {"crl": lists, "client_cert_header": "Client-Cert", **mtls}},
            upstreams=[{"name": "bin", "backends": [{"url": origin}]}],
            routes=[{"name": "all", "path": "/*", "upstream": "bin"}],
        )

    def certificate(self, file: Path) -> x509.Certificate:
        """The certificate in a file."""
        return x509.load_pem_x509_certificate(file.read_bytes())

    def revoke(self, authority: Authority, *certificates: x509.Certificate, **until: datetime.datetime) -> None:
        """Write an authority's list anew, in one step."""
        name = authority.certificate.subject.rfc4514_string().removeprefix("CN=")
        authority.write_list(self.place / "new.crl", *certificates, **until).replace(self.place / f"{name}.crl")

    def context(self, file: Path | None, version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> ssl.SSLContext:
        """A client that can show a certificate."""
        context = ssl.create_default_context(cafile=str(self.trusts))
        context.minimum_version = context.maximum_version = version
        if file is not None:
            context.load_cert_chain(file)
        return context

    def connect(
        self, context: ssl.SSLContext, session: ssl.SSLSession | None = None, name: str = "gateway.test"
    ) -> ssl.SSLSocket:
        """Open a connection."""
        plain = socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)
        return context.wrap_socket(plain, server_hostname=name, session=session)

    def get(self, file: Path | None) -> int:
        """Ask on a connection of its own; 0 where the handshake fails."""
        try:
            return requests.get(
                f"https://127.0.0.1:{self.port}/headers",
                cert=None if file is None else str(file),
                verify=str(self.trusts),
                headers={"Connection": "close", "Client-Cert": ":bWluZQ==:"},
                timeout=PATIENCE,
            ).status_code
        except requests.ConnectionError:
            return 0


def ask(connection: ssl.SSLSocket) -> int:
    """Make a request on an open connection."""
    connection.sendall(b"GET /status/204 HTTP/1.1\r\nHost: gateway.test\r\n\r\n")
    head = b""
    while b"\r\n\r\n" not in head:
        received = connection.recv(65536)
        if not received:
            break
        head += received
    return int(head.split(b" ", 2)[1])


@pytest.fixture
def world(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[World]:
    """One that has revoked Alice."""
    with httpbin() as origin:
        made = World(tmp_path, origin, **getattr(request, "param", {}))
        try:
            made.gateway.start()
            yield made
        finally:
            made.gateway.stop()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("name", ["gateway.test", "other.test"])
def test_a_handshake_refuses_what_is_revoked_and_says_so(world: World, version: ssl.TLSVersion, name: str) -> None:
    """By the alert for it, whichever certificate of ours is asked for; others come in."""
    with (
        pytest.raises(ssl.SSLError, match=r"(?i)certificate.revoked"),
        world.connect(world.context(world.alice, version), name=name) as connection,
    ):
        ask(connection)  # TLS 1.3: the client is done before the server says no

    with world.connect(world.context(world.bob, version), name=name) as connection:
        assert ask(connection) == 204
    with world.connect(world.context(None, version), name=name) as connection:
        assert ask(connection) == 204


def test_a_refusal_in_a_handshake_is_in_the_log(world: World) -> None:
    """Who was refused, from where and why, in one line each; a name that a stranger has chosen ends none."""
    stranger = Authority("Middle").write_identity(world.place / "stranger.pem", common="eve\nand a line of her own")

    for refused in (world.alice, stranger):
        assert world.get(refused) == 0
    assert world.get(world.bob) == 200

    said = [line for line in world.gateway.errors.splitlines() if "in the handshake" in line]
    assert len(said) == 2
    assert said[0].endswith("of 127.0.0.1 in the handshake: CN=alice: it is revoked")
    assert said[1].endswith("no authority in `clientCA` has signed it")
    assert "a line of her own" in said[1]


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_session_and_an_open_connection_are_no_way_round_a_new_list(world: World, version: ssl.TLSVersion) -> None:
    """Bob is revoked: refused on the connection that is open, and on a new one with the session of it."""
    context = world.context(world.bob, version)
    with world.connect(context) as connection:
        assert ask(connection) == 204
        session = connection.session
        with world.connect(context, session) as again:  # sessions are not resumed where there is a list
            assert ask(again) == 204
            assert not again.session_reused

        world.revoke(world.middle, world.certificate(world.bob))
        until(lambda: world.get(world.alice) == 200, "the new list is not in force")

        assert ask(connection) == 403
    with pytest.raises(ssl.SSLError, match=r"(?i)certificate.revoked"), world.connect(context, session) as connection:
        ask(connection)


def test_an_authority_between_that_is_revoked(world: World) -> None:
    """The root's list has it: nobody whom it let in comes in any more."""
    with world.connect(world.context(world.bob)) as connection:
        assert ask(connection) == 204
        world.revoke(world.root, world.middle.certificate)
        until(lambda: world.get(world.bob) == 0, "the new list is not in force")
        assert ask(connection) == 403
    assert world.get(None) == 200


def test_a_list_that_has_expired(world: World) -> None:
    """In the handshake: nothing is known any more of those that it was about."""
    world.revoke(world.middle, until=datetime.datetime(2021, 1, 1, tzinfo=datetime.UTC))

    until(lambda: world.get(world.bob) == 0, "the new list is not in force")

    assert world.get(None) == 200


@pytest.mark.parametrize("world", [{"revoked": "forbidden"}], indirect=True)
def test_or_it_is_forbidden(world: World) -> None:
    """The handshake is done, and the request answered with the reason."""
    response = requests.get(
        f"https://127.0.0.1:{world.port}/headers", cert=str(world.alice), verify=str(world.trusts), timeout=PATIENCE
    )

    assert response.status_code == 403
    assert response.headers["Gateway-Reason"] == "auth.forbidden"
    assert world.get(world.bob) == 200


def test_a_backend_is_told_the_certificate_of_the_handshake(world: World) -> None:
    """And nothing that the client made up."""
    told = {}
    for file in (world.bob, None):
        told[file] = requests.get(
            f"https://127.0.0.1:{world.port}/headers",
            cert=None if file is None else str(file),
            verify=str(world.trusts),
            headers={"Client-Cert": ":bWluZQ==:", "Client_Cert": ":bWluZQ==:", "Client-Cert-Chain": ":bWluZQ==:"},
            timeout=PATIENCE,
        ).json()["headers"]

    field = told[world.bob]["Client-Cert"]
    assert b64decode(field.strip(":"), validate=True) == world.certificate(world.bob).public_bytes(Encoding.DER)
    assert [name for name in told[None] if "cert" in name.lower()] == []
    assert "Client-Cert-Chain" not in told[world.bob]
