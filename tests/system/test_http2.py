"""Real clients speak HTTP/2 to a real gateway: curl, httpx and, where they are there, nghttp and h2load."""

from __future__ import annotations

import hashlib
import re
import shutil
import signal
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest

from tests.http2.client import Http2Client
from tests.pki import Authority
from tests.system import backends
from tests.system.backends import PIECE
from tests.system.gateway_process import GatewayProcess, one_upstream, running, until
from tests.system.ports import free_port
from tests.system.test_protocols import websocket_echo

LARGE = 20_000_000


class World(NamedTuple):
    """A gateway with a port in the clear and one for TLS."""

    gateway: GatewayProcess
    ca: Path
    secure: str
    certificate: Path


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """In front of one backend."""
    place = tmp_path_factory.mktemp("http2")
    authority = Authority()
    ca = authority.write(place / "ca.pem")
    certificate = authority.write_identity(place / "identity.pem", "localhost", "127.0.0.1")
    port = free_port()
    with backends.backend() as origin:
        gateway = GatewayProcess(place)
        gateway.configure(
            listeners=[
                {"endpoint": f"tcp:{gateway.port}:interface=127.0.0.1"},
                {"endpoint": f"ssl:{port}:interface=127.0.0.1:privateKey={certificate}:certKey={certificate}"},
            ],
            limits={"request_body": 0},
            upstreams=[{"name": "all", "backends": [{"url": origin.url}]}],
            routes=[
                {"name": "small", "path": "/small/*", "upstream": "all", "request_body": "10KiB"},
                {"name": "all", "path": "/*", "upstream": "all"},
            ],
        )
        try:
            yield World(gateway.start(), ca, f"https://127.0.0.1:{port}", certificate)
        finally:
            gateway.stop()


def curl(*arguments: str | Path, given: bytes = b"") -> bytes:
    """Run curl; returns what it prints."""
    done = subprocess.run(["curl", "-sS", *arguments], input=given, capture_output=True, timeout=50, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


WAYS = ["--http2-prior-knowledge", "--http2"]


def at(world: World, way: str) -> list[str | Path]:
    """Where curl finds the gateway, and how it is to speak."""
    return [way, world.gateway.url] if way == WAYS[0] else [way, "--cacert", world.ca, world.secure]


@pytest.mark.parametrize("way", WAYS)
def test_curl_asks_and_downloads(world: World, way: str, tmp_path: Path) -> None:
    """By prior knowledge, and by ALPN."""
    *options, url = at(world, way)
    got = curl(*options, "-w", "%{http_version} %{http_code}", "-o", tmp_path / "got", f"{url}/bytes/{LARGE}")

    assert got == b"2 200"
    expected = hashlib.sha256((PIECE * (LARGE // len(PIECE) + 1))[:LARGE]).hexdigest()
    assert hashlib.sha256((tmp_path / "got").read_bytes()).hexdigest() == expected


@pytest.mark.parametrize("way", WAYS)
def test_curl_uploads(world: World, way: str, tmp_path: Path) -> None:
    """More than any window holds, of known length and of none."""
    (tmp_path / "sent").write_bytes(bytes(LARGE))
    *options, url = at(world, way)

    assert curl(*options, "--data-binary", f"@{tmp_path}/sent", f"{url}/sink") == b"%d" % LARGE
    assert curl(*options, "-T", "-", "-X", "POST", f"{url}/sink", given=bytes(300_000)) == b"300000"


@pytest.mark.parametrize("way", WAYS)
def test_curl_is_told_that_an_upload_is_too_large(world: World, way: str, tmp_path: Path) -> None:
    """Curl 7.88 shows an error of its own where the answer's end and a reset come in one read."""
    (tmp_path / "sent").write_bytes(bytes(LARGE))
    *options, url = at(world, way)
    for _ in range(5):
        got = curl(*options, "-w", "%{http_code}", "-T", tmp_path / "sent", f"{url}/small/x")
        assert b"request.too_large" in got
        assert got.endswith(b"413")
    # By POST: the backend refuses a PUT by its head, and may do so before there is too much.
    unknown = curl(*options, "-w", "%{http_code}", "-X", "POST", "-T", "-", f"{url}/small/x", given=bytes(LARGE))
    assert unknown.endswith(b"413")


def test_httpx_is_told_that_an_upload_is_too_large(world: World) -> None:
    """It waits for its windows before it looks at the answer: so they are given back for a while."""
    with httpx.Client(http1=False, http2=True) as client:
        answer = client.post(f"{world.gateway.url}/small/x", content=bytes(1_000_000))

    assert answer.status_code == 413


def test_the_same_ports_speak_http1(world: World) -> None:
    """Whoever does not ask for more; on clear text `Upgrade: h2c` is no way to ask."""
    asked = ["-w", "%{http_version}", "-o", "/dev/null"]
    assert curl("--http1.1", *asked, world.gateway.url) == b"1.1"
    assert curl("--http1.1", "--cacert", world.ca, *asked, world.secure) == b"1.1"
    assert curl("--http2", *asked, world.gateway.url) == b"1.1"
    context = ssl.create_default_context(cafile=world.ca)
    assert httpx.get(world.secure, verify=context).http_version == "HTTP/1.1"


def test_httpx_shares_a_connection(world: World) -> None:
    """Many at once on one connection; the access log says what was spoken."""
    context = ssl.create_default_context(cafile=world.ca)
    with httpx.Client(http2=True, verify=context) as client:
        answers: list[httpx.Response] = []
        threads = [
            threading.Thread(target=lambda size=size: answers.append(client.get(f"{world.secure}/bytes/{size}")))
            for size in (0, 1, 70_000, 300_000)
            for _ in range(5)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)

    assert [answer.http_version for answer in answers] == ["HTTP/2"] * 20
    assert sorted({len(answer.content) for answer in answers}) == [0, 1, 70_000, 300_000]
    until(lambda: '"protocol":"HTTP/2"' in world.gateway.access_log.read_text().replace(" ", ""))


@pytest.mark.skipif(shutil.which("nghttp") is None, reason="needs nghttp (nghttp2-client)")
def test_nghttp_reads_many_answers(world: World) -> None:
    """With its own library at the other end."""
    urls = [f"{world.gateway.url}/bytes/{size}" for size in (10, 100_000, 1_000_000)]
    done = subprocess.run(["nghttp", "-ns", *urls], capture_output=True, timeout=50, check=True, text=True)

    assert len(re.findall(r" 200 +\S+ /bytes/", done.stdout)) == 3, done.stdout


@pytest.mark.skipif(shutil.which("h2load") is None, reason="needs h2load (nghttp2-client)")
@pytest.mark.parametrize("secure", [False, True])
def test_h2load_is_answered(world: World, secure: bool) -> None:
    """Every one of a few thousand requests, many at once."""
    url = world.secure if secure else world.gateway.url
    done = subprocess.run(
        ["h2load", "-n", "3000", "-c", "4", "-m", "25", f"{url}/name"],
        capture_output=True, timeout=50, check=True, text=True,
    )  # fmt: skip

    assert re.search(r"3000 succeeded, 0 failed, 0 errored", done.stdout), done.stdout


def test_sigterm_finishes_what_is_open(tmp_path: Path) -> None:
    """A client in the middle of an answer gets the rest of it, and the gateway exits in good order."""
    with backends.backend() as origin:
        gateway = GatewayProcess(tmp_path, **one_upstream(origin.url))
        gateway.start()
        slow = subprocess.Popen(
            ["curl", "-sS", "--http2-prior-knowledge", f"{gateway.url}/slow/1"], stdout=subprocess.PIPE
        )
        until(lambda: origin.waiting)
        gateway.signal(signal.SIGTERM)
        out, _ = slow.communicate(timeout=30)

        assert out == PIECE[:5]
        assert slow.returncode == 0
        assert gateway.wait() in (0, -signal.SIGTERM)


def test_curl_is_told_what_a_connection_is_not_for(world: World) -> None:
    """A host that the certificate does not cover, on a connection that is used again: 421, over HTTP/2 only."""
    port = int(world.secure.rpartition(":")[2])
    covered, other = f"https://localhost:{port}/name", ["-H", f"Host: elsewhere.test:{port}"]
    asked: list[str | Path] = ["--cacert", world.ca, "--resolve", f"localhost:{port}:127.0.0.1"]
    told = ["-o", "/dev/null", "-w", "%{http_version} %{http_code} %{num_connects}\n"]
    got = curl("--http2", *asked, *told, covered, "--next", "--http2", *asked, *told, *other, covered)
    assert got == b"2 200 1\n2 421 0\n"
    assert curl("--http1.1", *asked, *told, *other, covered) == b"1.1 200 1\n"
    # A client that takes any certificate gets what it has shaken hands for.
    unchecked = ["-k", "--resolve", f"elsewhere.test:{port}:127.0.0.1"]
    assert curl("--http2", *unchecked, *told, f"https://elsewhere.test:{port}/name") == b"2 200 1\n"


@pytest.mark.parametrize("kind", ["ssl", "sni"])
def test_what_a_port_offers_follows_a_reload(tmp_path: Path, kind: str) -> None:
    """Turned off and on again on a port that stays; a connection that is open goes on in the version that it has."""
    authority = Authority()
    ca = authority.write(tmp_path / "ca.pem")
    place = tmp_path / "identities"
    place.mkdir()
    certificate = authority.write_identity(place / "identity.pem", "localhost", "127.0.0.1")
    port = free_port()
    files = f"privateKey={certificate}:certKey={certificate}" if kind == "ssl" else f"certificates={place}"
    with backends.backend() as origin:
        gateway = GatewayProcess(tmp_path)

        def configure(http2: bool) -> None:
            gateway.configure(
                listeners=[
                    {"endpoint": f"tcp:{gateway.port}:interface=127.0.0.1"},
                    {"endpoint": f"{kind}:{port}:interface=127.0.0.1:{files}", "http2": http2},
                ],
                **one_upstream(origin.url),
            )

        def spoken() -> bytes:
            return curl(
                "--http2", "--cacert", ca, "-w", "%{http_version}", "-o", "/dev/null", f"https://127.0.0.1:{port}"
            )

        configure(True)
        gateway.start()
        try:
            with httpx.Client(http2=True, verify=ssl.create_default_context(cafile=ca)) as kept:
                assert kept.get(f"https://127.0.0.1:{port}/name").http_version == "HTTP/2"
                for http2, version in ((False, b"1.1"), (True, b"2")):
                    configure(http2)
                    gateway.signal(signal.SIGHUP)
                    until(lambda version=version: spoken() == version)
                    assert kept.get(f"https://127.0.0.1:{port}/name").http_version == "HTTP/2"
        finally:
            gateway.stop()


def test_a_websocket_server_does_not_notice(tmp_path: Path) -> None:
    """A server of HTTP/1.1 shakes hands with what the gateway made of an extended CONNECT, and frames pass."""
    with websocket_echo() as origin, running(tmp_path, **one_upstream(origin)) as gateway:
        client = Http2Client()
        with socket.create_connection(("127.0.0.1", gateway.port), timeout=20) as link:
            client.transport = Link(link)  # type: ignore[assignment]  # all that is asked of it is `write`
            client.connectionMade()
            head = [(":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "http")]
            fields = [(":authority", "gateway.test"), (":path", "/chat"), ("sec-websocket-version", "13")]
            answer = client.ask([*head, *fields], None, end=False)
            while not answer.status:
                client.dataReceived(link.recv(65_536))
            # A text in one frame, masked with nothing (RFC 6455 section 5.2).
            client.write(answer, b"\x81\x85" + bytes(4) + b"hello")
            while len(answer.body) < 7:
                client.dataReceived(link.recv(65_536))

    assert answer.status == 200
    assert answer.body == b"\x81\x05hello"


class Link:
    """A socket as a client's transport."""

    def __init__(self, link: socket.socket) -> None:
        self._link = link

    def write(self, data: bytes) -> None:
        """Send it."""
        self._link.sendall(data)
