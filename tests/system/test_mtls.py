"""Client certificates end to end: real handshakes with a gateway under twistd."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import requests

from tests.pki import Authority
from tests.system.backends import httpbin
from tests.system.gateway_process import PATIENCE, GatewayProcess
from tests.system.ports import free_port

SHOP = "spiffe://example.org/shop/orders"


class World(NamedTuple):
    """A gateway that asks clients for certificates, and certificates to show it."""

    url: str
    port: int
    authority: Path
    shop: Path
    mail: Path
    stranger: Path

    def get(self, certificate: Path | None, path: str = "/headers") -> requests.Response:
        """Ask on a connection of its own."""
        return requests.get(
            self.url + path,
            cert=None if certificate is None else str(certificate),
            verify=str(self.authority),
            headers={"X-User-ID": "root", "Connection": "close"},
            timeout=PATIENCE,
        )


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One of each."""
    place = tmp_path_factory.mktemp("mtls")
    servers, clients = Authority("Servers"), Authority("Clients")
    servers.write_identity(place / "live" / "gateway.pem", "127.0.0.1", "gateway.test")
    port = free_port()
    endpoint = f"sni:{port}:certificates={place}/live:clientCA={clients.write(place / 'clients.pem')}"
    with httpbin() as origin:
        gateway = GatewayProcess(
            place,
            listeners=[{"endpoint": f"{endpoint}:clientAuth=request:interface=127.0.0.1"}],
            auth={
                "mtls": {
                    "clients": [{"name": "spiffe://example.org/shop/*", "user": "shop", "scopes": ["read"]}],
                }
            },
            upstreams=[{"name": "bin", "backends": [{"url": origin}]}],
            routes=[
                {"name": "open", "path": "/status/*", "upstream": "bin"},
                {"name": "shop", "path": "/*", "upstream": "bin", "auth": {"type": "mtls", "scopes": ["read"]}},
            ],
        )
        try:
            gateway.start()
            yield World(
                f"https://127.0.0.1:{port}",
                port,
                servers.write(place / "ca.pem"),
                clients.write_identity(place / "shop.pem", SHOP, common="orders"),
                clients.write_identity(place / "mail.pem", "spiffe://example.org/mail", common="shop"),
                Authority("Clients").write_identity(place / "stranger.pem", SHOP, common="orders"),
            )
        finally:
            gateway.stop()


def test_a_certificate_is_who_is_calling(world: World) -> None:
    """The backend hears the name that the configuration gives, and not the one that the client made up."""
    response = world.get(world.shop)

    assert response.status_code == 200
    told: dict[str, Any] = response.json()["headers"]
    assert (told["X-User-Id"], told["X-User-Scopes"]) == ("shop", "read")


def test_without_one(world: World) -> None:
    """The connection stands; only routes that ask for it refuse."""
    response = world.get(None)

    assert response.status_code == 401
    assert response.headers["Gateway-Reason"] == "auth.missing"
    assert world.get(None, "/status/204").status_code == 204


def test_one_that_is_not_listed(world: World) -> None:
    """Known, and may do nothing; its common name does not make it another."""
    assert world.get(world.mail).status_code == 403


def test_one_from_elsewhere(world: World) -> None:
    """With the right name, from an authority that calls itself the same: no request is read."""
    with pytest.raises(requests.ConnectionError):
        world.get(world.stranger)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_session_that_is_resumed_is_the_same_client(world: World, version: ssl.TLSVersion) -> None:
    """The certificate is not sent again: the ticket has it. A client without a certificate stays without."""
    for certificate, expected in ((world.shop, b"200"), (None, b"401")):
        context = ssl.create_default_context(cafile=str(world.authority))
        context.minimum_version = context.maximum_version = version
        if certificate is not None:
            context.load_cert_chain(certificate)
        session: ssl.SSLSession | None = None
        for again in (False, True):
            with (
                socket.create_connection(("127.0.0.1", world.port), timeout=PATIENCE) as plain,
                context.wrap_socket(plain, server_hostname="gateway.test", session=session) as client,
            ):
                client.sendall(b"GET /headers HTTP/1.1\r\nHost: gateway.test\r\nConnection: close\r\n\r\n")
                answer = b"".join(iter(lambda: client.recv(65536), b""))
                session = client.session
                assert client.session_reused is again
            assert answer.split(b" ", 2)[1] == expected
