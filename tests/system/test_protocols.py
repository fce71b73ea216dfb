"""Protocols on real sockets: WebSocket through a tunnel, backends over IPv6 and TLS, names, PROXY-free peers."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import ssl
import threading
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import aiohttp
import pytest
import requests
from aiohttp import web

from tests.pki import Authority
from tests.system import backends
from tests.system.gateway_process import GatewayProcess, one_upstream, running, until


@contextlib.contextmanager
def websocket_echo(codes: list[int | None] | None = None) -> Iterator[str]:
    """Serve a WebSocket echo at every path; gives its URL. `codes` takes the close code of each that is over."""
    loop = asyncio.new_event_loop()
    ready = threading.Event()
    port: list[int] = []

    async def echo(request: web.Request) -> web.WebSocketResponse:
        channel = web.WebSocketResponse(protocols=("chat",), max_msg_size=0)
        await channel.prepare(request)
        async for message in channel:
            if message.type is aiohttp.WSMsgType.TEXT:
                await channel.send_str(message.data)
            elif message.type is aiohttp.WSMsgType.BINARY:
                await channel.send_bytes(message.data)
        if codes is not None:
            codes.append(channel.close_code)
        return channel

    async def serve() -> None:
        application = web.Application()
        application.router.add_get("/{path:.*}", echo)
        runner = web.AppRunner(application)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port.append(runner.addresses[0][1])
        ready.set()

    def run() -> None:
        asyncio.set_event_loop(loop)
        loop.run_until_complete(serve())
        loop.run_forever()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert ready.wait(10)
    try:
        yield f"http://127.0.0.1:{port[0]}"
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5)


def test_a_websocket_passes_in_both_directions(tmp_path: Path) -> None:
    """Text, five megabytes of octets, the subprotocol and the closing handshake are those of the backend."""

    async def talk(url: str) -> None:
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(url, protocols=("chat",), max_msg_size=0) as ws,
        ):
            assert ws.protocol == "chat"
            for number in range(100):
                await ws.send_str(f"message {number}")
                assert await ws.receive_str() == f"message {number}"
            await ws.send_bytes(bytes(5_000_000))
            assert await ws.receive_bytes() == bytes(5_000_000)
            await ws.close()
            assert ws.close_code == 1000

    with websocket_echo() as origin, running(tmp_path, **one_upstream(origin)) as gateway:
        asyncio.run(talk(f"{gateway.url}/echo"))


def test_a_websocket_outlives_a_reload(tmp_path: Path) -> None:
    """The tunnel goes on over a configuration that no longer has its route."""

    async def talk(gateway: GatewayProcess) -> None:
        async with aiohttp.ClientSession() as session, session.ws_connect(f"{gateway.url}/echo") as ws:
            await ws.send_str("before")
            assert await ws.receive_str() == "before"
            gateway.configure(**one_upstream("http://127.0.0.1:1", path="/other/*"))
            for _ in range(500):
                await asyncio.sleep(0.02)
                async with session.get(f"{gateway.url}/echo") as answer:
                    if answer.status == 404:
                        break
            else:
                pytest.fail("the configuration was not applied")
            await ws.send_str("after")
            assert await ws.receive_str() == "after"

    with websocket_echo() as origin, running(tmp_path, **one_upstream(origin)) as gateway:
        asyncio.run(talk(gateway))


def test_both_ends_of_a_websocket_are_told_that_the_gateway_goes(tmp_path: Path) -> None:
    """At the end of a drain, 1001: a real server reads the frame as the goodbye of its client, in place of 1006."""

    async def talk(gateway: GatewayProcess) -> None:
        async with aiohttp.ClientSession() as session, session.ws_connect(f"{gateway.url}/echo") as ws:
            await ws.send_str("before")
            assert await ws.receive_str() == "before"
            gateway.signal(signal.SIGTERM)
            message = await ws.receive(timeout=20)
            assert (message.type, message.data) == (aiohttp.WSMsgType.CLOSE, 1001)

    codes: list[int | None] = []
    with websocket_echo(codes) as origin:
        settings = one_upstream(origin) | {"timeouts": {"shutdown": "200ms"}}
        with running(tmp_path, **settings) as gateway:
            asyncio.run(talk(gateway))
            gateway.wait()
        until(lambda: codes)
    assert codes == [1001]


class _V6Server(ThreadingHTTPServer):
    address_family = socket.AF_INET6
    daemon_threads = True
    name = "six"
    waiting: ClassVar[list[Any]] = []


def test_a_backend_and_a_listener_on_ipv6(tmp_path: Path) -> None:
    """Literals in brackets, both ways."""
    with _V6Server(("::1", 0), backends.Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        gateway = GatewayProcess(tmp_path)
        gateway.configure(
            listeners=[{"endpoint": rf"tcp6:{gateway.port}:interface=\:\:1"}],
            **one_upstream(f"http://[::1]:{server.server_address[1]}"),
        )
        try:
            gateway.start()
            response = requests.get(f"http://[::1]:{gateway.port}/name", timeout=5)
        finally:
            gateway.stop()
            server.shutdown()
    assert response.text == "six"
    assert gateway.logs[-1]["client_ip"] == "::1"


def test_a_backend_by_name(tmp_path: Path) -> None:
    """`localhost` is looked up like anywhere else on this machine."""
    with backends.backend() as origin:
        url = f"http://localhost:{origin.server_address[1]}"
        with running(tmp_path, **one_upstream(url)) as gateway:
            assert requests.get(f"{gateway.url}/name", timeout=5).text == "backend"


def test_https_from_end_to_end(tmp_path: Path) -> None:
    """`ssl:` towards the client, a verified `https://` backend with a client certificate behind."""
    authority = Authority()
    authority.write(tmp_path / "ca.pem")
    identity = authority.write_identity(tmp_path / "identity.pem", "localhost", "127.0.0.1")
    with backends.backend() as origin:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(identity)
        context.load_verify_locations(tmp_path / "ca.pem")
        context.verify_mode = ssl.CERT_REQUIRED
        origin.socket = context.wrap_socket(origin.socket, server_side=True)
        gateway = GatewayProcess(tmp_path)
        configuration = one_upstream(f"https://localhost:{origin.server_address[1]}")
        configuration["upstreams"][0]["tls"] = {
            "ca": "ca.pem",
            "client_cert": "identity.pem",
        }
        endpoint = f"ssl:{gateway.port}:privateKey={identity}:certKey={identity}:interface=127.0.0.1"
        gateway.configure(listeners=[{"endpoint": endpoint}], **configuration)
        try:
            gateway.start()
            answer = requests.get(
                f"https://localhost:{gateway.port}/bytes/300000", verify=str(tmp_path / "ca.pem"), timeout=10
            )
        finally:
            gateway.stop()
    assert answer.status_code == 200
    assert len(answer.content) == 300_000
