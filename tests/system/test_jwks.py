"""An issuer that changes its keys under load, and goes away: no good token is refused, no bad one let in."""

from __future__ import annotations

import json
import ssl
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.pki import Authority
from tests.system.backends import backend
from tests.system.gateway_process import PATIENCE, running, until
from tests.system.ports import free_port
from tests.tokens import jwk, rsa_key, said, sign

COOLDOWN = 0.2
"""Seconds; half a minute by default, which a test has not."""


class Issuer:
    """Publishes keys on a real port, and signs with the newest of them.

    Attributes:
        asked: How often its keys were asked for.
    """

    def __init__(self, certificate: Path | None = None) -> None:
        self.port = free_port()
        self.url = f"http{'s' if certificate else ''}://127.0.0.1:{self.port}"
        self._certificate = certificate
        self.asked = 0
        self._names = ["key-0"]
        rsa_key("key-0")  # now: two threads at once would make two of that name
        self._server: ThreadingHTTPServer | None = None

    @property
    def names(self) -> list[str]:
        """The names of its keys, the newest last."""
        return list(self._names)

    def rotate(self) -> None:
        """Use another key from now on; the one before it stays published."""
        name = f"key-{int(self._names[-1][4:]) + 1}"
        rsa_key(name)  # making one takes a while, and no token may wait for it
        self._names = [self._names[-1], name]

    def token(self, subject: str) -> str:
        """Sign a token with the newest key; every subject has another."""
        claims = said(sub=subject, exp=int(time.time()) + 600, iat=int(time.time()))
        name = self._names[-1]
        return sign(rsa_key(name), "RS256", claims, {"kid": name})

    def start(self) -> None:
        """Publish."""
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                issuer.asked += 1
                # Read and written in one go: what was asked for before a change is what was there before it.
                body = json.dumps({"keys": [jwk(rsa_key(name), name) for name in issuer.names]}).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.send_header("Connection", "close")  # or it would go on answering on connections that are open
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: Any) -> None:
                """The test looks at `asked`."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            allow_reuse_address = True

        self._server = Server(("127.0.0.1", self.port), Handler)
        if self._certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self._certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        """Go away."""
        server, self._server = self._server, None
        if server is not None:
            server.shutdown()
            server.server_close()


@contextmanager
def publishing(certificate: Path | None = None) -> Iterator[Issuer]:
    """Have an issuer for as long as the block lasts."""
    issuer = Issuer(certificate)
    issuer.start()
    try:
        yield issuer
    finally:
        issuer.stop()


def configuration(origin: str, **verifier: Any) -> dict[str, Any]:
    """A gateway that takes the tokens of an issuer."""
    return {
        "auth": {"jwt": {"default": {"algorithms": ["RS256"], "jwks_cooldown": COOLDOWN, **verifier}}},
        "upstreams": [{"name": "all", "backends": [{"url": origin}]}],
        "routes": [{"name": "all", "path": "/*", "upstream": "all", "auth": {"type": "jwt"}}],
    }


class Load:
    """Clients that ask again and again, each with fresh tokens, until they are told to stop."""

    def __init__(self, url: str, token: Any, clients: int) -> None:
        self.statuses: Counter[int] = Counter()
        self._ending = threading.Event()
        self._url = url
        self._token = token
        self._threads = [threading.Thread(target=self._run, args=(number,)) for number in range(clients)]

    def _run(self, client: int) -> None:
        with requests.Session() as session:
            number = 0
            while not self._ending.is_set():
                number += 1
                fields = {"Authorization": f"Bearer {self._token(f'{client}-{number}')}"}
                self.statuses[session.get(self._url, headers=fields, timeout=PATIENCE).status_code] += 1

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        for thread in self._threads:
            thread.join(PATIENCE)


def test_an_issuer_may_change_its_keys_under_load(tmp_path: Path) -> None:
    """Every token is new, and signed with the newest key from the moment it is published: none is refused."""
    with publishing() as issuer, backend() as origin:
        settings = configuration(origin.url, jwks_url=f"{issuer.url}/jwks")
        with running(tmp_path, **settings) as gateway, Load(gateway.url, issuer.token, clients=4) as load:
            until(lambda: load.statuses[200] > 50)
            for _ in range(5):
                before, begun = load.statuses[200], time.monotonic()
                until(lambda begun=begun: time.monotonic() > begun + COOLDOWN)
                issuer.rotate()
                until(lambda before=before: load.statuses[200] > before + 50)
    assert set(load.statuses) == {200}
    assert 6 <= issuer.asked <= 12


def test_made_up_keys_are_refused_and_the_issuer_left_alone(tmp_path: Path) -> None:
    """While good tokens go on."""
    with publishing() as issuer, backend() as origin:
        settings = configuration(origin.url, jwks_url=f"{issuer.url}/jwks", jwks_cooldown="30s")

        def made_up(subject: str) -> str:
            return sign(rsa_key("evil"), "RS256", said(exp=int(time.time()) + 600), {"kid": subject})

        with (
            running(tmp_path, **settings) as gateway,
            Load(gateway.url, issuer.token, clients=2) as good,
            Load(gateway.url, made_up, clients=2) as bad,
        ):
            until(lambda: good.statuses[200] > 100 and bad.statuses[401] > 100)
    assert set(good.statuses) == {200}
    assert set(bad.statuses) == {401}
    assert issuer.asked <= 3


def test_an_issuer_may_be_down(tmp_path: Path) -> None:
    """Its keys are good for new tokens too; with an unknown key nothing is known; when it is back, all is."""
    with publishing() as issuer, backend() as origin:
        settings = configuration(origin.url, jwks_url=f"{issuer.url}/jwks", jwks_refresh="1s")
        with running(tmp_path, **settings) as gateway:

            def status(token: str) -> int:
                fields = {"Authorization": f"Bearer {token}"}
                return requests.get(gateway.url, headers=fields, timeout=PATIENCE).status_code

            assert status(issuer.token("alice")) == 200
            issuer.stop()
            until(lambda: "could not be fetched" in gateway.errors, "it did not notice")
            with Load(gateway.url, issuer.token, clients=2) as load:
                until(lambda: load.statuses[200] > 100)
            assert set(load.statuses) == {200}

            issuer.rotate()
            assert status(issuer.token("bob")) == 503
            issuer.start()
            until(lambda: status(issuer.token("bob")) == 200, "the new key was not found")


@pytest.mark.parametrize("trusted", [True, False])
def test_keys_are_fetched_over_tls_from_who_is_trusted_only(tmp_path: Path, trusted: bool) -> None:
    """With a certificate of another authority nobody is let in, and nobody refused."""
    authority = Authority()
    certificate = authority.write_identity(tmp_path / "server.pem", "127.0.0.1")
    ca = (authority if trusted else Authority("Other CA")).write(tmp_path / "ca.pem")
    with publishing(certificate) as issuer, backend() as origin:
        settings = configuration(origin.url, jwks_url=f"{issuer.url}/jwks", jwks_ca=str(ca))
        with running(tmp_path, **settings) as gateway:
            fields = {"Authorization": f"Bearer {issuer.token('alice')}"}
            response = requests.get(gateway.url, headers=fields, timeout=PATIENCE)

            assert response.status_code == (200 if trusted else 503)
