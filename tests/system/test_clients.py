"""Real clients see through the gateway what they see without it."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
import httpx
import pytest
import requests

from tests.system import backends
from tests.system.gateway_process import GatewayProcess, one_upstream, running

ADDED = {"via", "x-request-id", "connection", "date", "keep-alive", "server", "transfer-encoding", "content-length"}
"""Response fields that differ by nature: the gateway's own, and those for one hop."""


class Seen(NamedTuple):
    """What a client saw of a response."""

    status: int
    fields: dict[str, str]
    body: bytes


@pytest.fixture(scope="module")
def origin() -> Iterator[str]:
    """The URL of an httpbin."""
    with backends.httpbin() as url:
        yield url


@pytest.fixture(scope="module")
def gateway(origin: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    """A gateway in front of it."""
    with running(tmp_path_factory.mktemp("clients"), **one_upstream(origin)) as process:
        yield process


def with_requests(method: str, url: str, **options: Any) -> Seen:
    """Ask by requests."""
    response = requests.request(method, url, allow_redirects=False, timeout=10, **options)
    return Seen(response.status_code, {k.lower(): v for k, v in response.headers.items()}, response.content)


def with_httpx(method: str, url: str, **options: Any) -> Seen:
    """Ask by httpx."""
    data = options.pop("data", None)
    if isinstance(data, bytes):
        options["content"] = data
    elif data is not None:
        options["content"] = b"".join(data)
    response = httpx.request(method, url, timeout=10, **options)
    return Seen(response.status_code, dict(response.headers.items()), response.content)


def with_aiohttp(method: str, url: str, **options: Any) -> Seen:
    """Ask by aiohttp."""

    async def ask() -> Seen:
        data = options.pop("data", None)
        body = b"".join(data) if data is not None and not isinstance(data, bytes) else data
        async with (
            aiohttp.ClientSession() as session,
            session.request(method, url, allow_redirects=False, data=body, **options) as response,
        ):
            return Seen(response.status, {k.lower(): v for k, v in response.headers.items()}, await response.read())

    return asyncio.run(ask())


CLIENTS: list[Callable[..., Seen]] = [with_requests, with_httpx, with_aiohttp]

EXCHANGES: list[tuple[str, str, dict[str, Any]]] = [
    ("GET", "/get?a=1&b=%20x&a=2", {}),
    ("GET", "/headers", {"headers": {"X-Thing": "one"}}),
    ("POST", "/post", {"data": b"\x00\xff body" * 1000}),
    ("POST", "/post", {"data": b""}),
    ("PUT", "/put", {"json": {"a": [1, 2, 3]}}),
    ("PATCH", "/patch", {"data": b"x"}),
    ("DELETE", "/delete", {}),
    ("GET", "/status/204", {}),
    ("GET", "/status/304", {}),
    ("GET", "/status/418", {}),
    ("GET", "/redirect-to?url=/get", {}),
    ("GET", "/gzip", {}),
    ("GET", "/encoding/utf8", {}),
    ("GET", "/bytes/70000?seed=1", {}),
    ("GET", "/stream-bytes/70000?seed=1&chunk_size=1000", {}),
    ("GET", "/response-headers?X-A=1&X-A=2", {}),
    ("GET", "/cookies/set?name=value", {}),
    ("GET", "/cache/60", {}),
    ("GET", "/etag/abc", {"headers": {"If-None-Match": "abc"}}),
    ("GET", "/range/1024", {"headers": {"Range": "bytes=10-20"}}),
    ("GET", "/basic-auth/user/pass", {"headers": {"Authorization": "Basic dXNlcjpwYXNz"}}),
    ("HEAD", "/get", {}),
    ("OPTIONS", "/get", {}),
    ("GET", "/image/png", {}),
]


@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.__name__)
@pytest.mark.parametrize(("method", "target", "options"), EXCHANGES, ids=lambda value: str(value)[:40])
def test_a_client_sees_the_same_directly_and_through_the_gateway(
    client: Callable[..., Seen], method: str, target: str, options: dict[str, Any], origin: str, gateway: GatewayProcess
) -> None:
    """Status, end-to-end fields and body are those of the backend."""
    direct = client(method, origin + target, **dict(options))
    proxied = client(method, gateway.url + target, **dict(options))

    assert proxied.status == direct.status
    assert _comparable(proxied.body, gateway.url, origin) == _comparable(direct.body, gateway.url, origin)
    kept = {name: value for name, value in direct.fields.items() if name not in ADDED}
    assert {name: value for name, value in proxied.fields.items() if name not in ADDED} == kept
    assert proxied.fields["x-request-id"]
    assert proxied.fields["via"] == "1.1 gateway"


def _comparable(body: bytes, *urls: str) -> Any:
    """Read a body as JSON without what names the address or was added on the way."""
    try:
        document = json.loads(body)
    except ValueError:
        return body
    if isinstance(document, dict):
        document.pop("origin", None)
        document.pop("url", None)
        headers = document.get("headers", {})
        added = {"Via", "Host", "Traceparent", "Connection", "Content-Length"}
        for name in [n for n in headers if n in added or n.startswith(("X-Forwarded", "X-Real", "X-Request"))]:
            del headers[name]
    return document


def test_curl_uploads_with_expect_and_downloads(gateway: GatewayProcess, tmp_path: Path) -> None:
    """Curl asks `Expect: 100-continue` for a large body, and gets what it sent back."""
    sent = tmp_path / "sent"
    sent.write_bytes(b"x" * 2_000_000)

    done = subprocess.run(
        [
            "curl",
            "-sSHExpect: 100-continue",
            "-HContent-Type: text/plain",
            "--data-binary",
            f"@{sent}",
            gateway.url + "/post",
        ],
        capture_output=True,
        check=True,
        timeout=30,
    )

    assert len(json.loads(done.stdout)["data"]) == 2_000_000


def test_curl_speaks_http_1_0(gateway: GatewayProcess) -> None:
    """An HTTP/1.0 client gets an answer that ends with the connection."""
    done = subprocess.run(
        ["curl", "-sS0i", f"{gateway.url}/stream-bytes/2000?seed=1"], capture_output=True, check=True, timeout=30
    )

    head, _, body = done.stdout.partition(b"\r\n\r\n")
    assert b"connection: close" in head.lower()
    assert b"transfer-encoding" not in head.lower()
    assert len(body) == 2000


def test_a_session_keeps_its_connection(gateway: GatewayProcess) -> None:
    """Fifty requests of one session use one connection."""
    before = gateway.metric("gateway_active_connections")
    with requests.Session() as session:
        for number in range(50):
            assert session.get(f"{gateway.url}/get?n={number}", timeout=5).status_code == 200
        assert gateway.metric("gateway_active_connections") == before + 1
