"""A real WSGI application behind the gateway: what it serves without a token is what it serves openly."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from werkzeug.routing import Map, Rule
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wrappers import Request, Response

from tests.system.gateway_process import GatewayProcess, running

URLS = Map(
    [
        Rule("/public/<path:rest>", endpoint="public"),
        Rule("/items/<name>", endpoint="public"),
        Rule("/items/<name>/private", endpoint="secret"),
        Rule("/admin/<path:rest>", endpoint="secret"),
    ]
)


class Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log(self, *args: Any) -> None:
        """The gateway logs."""


@Request.application
def application(request: Request) -> Response:
    """Say which handler ran."""
    adapter = URLS.bind_to_environ(request.environ)
    response = adapter.dispatch(lambda endpoint, values: Response(endpoint), catch_http_exceptions=True)
    assert isinstance(response, Response)
    return response


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    """The layout that routing.md recommends: closed by default, open by exception."""
    server = make_server("127.0.0.1", 0, application, threaded=True, request_handler=Quiet)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    directory: Path = tmp_path_factory.mktemp("gateway")
    try:
        with running(
            directory,
            upstreams=[{"name": "app", "backends": [{"url": f"http://127.0.0.1:{server.server_port}"}]}],
            routes=[
                {"path": "/*", "upstream": "app", "auth": {"type": "jwt"}},
                {"path": "/public/*", "upstream": "app"},
                {"path": "/items/:name", "upstream": "app"},
            ],
            auth={"jwt": {"default": {"algorithms": ["HS256"], "secret": "x" * 40}}},
        ) as process:
            yield process
    finally:
        server.shutdown()
        thread.join(5)


def ask(gateway: GatewayProcess, target: str) -> tuple[int, bytes]:
    """Send a target as it stands: no client's library puts it in order."""
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=10)
    try:
        connection.putrequest("GET", target)
        connection.endheaders()
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def test_the_application_has_both_handlers(gateway: GatewayProcess) -> None:
    """What is open is served, what is closed asks for a token."""
    assert ask(gateway, "/public/x") == (200, b"public")
    assert ask(gateway, "/items/7") == (200, b"public")
    assert ask(gateway, "/admin/x")[0] == 401
    assert ask(gateway, "/items/7/private")[0] == 401


@pytest.mark.parametrize(
    "target",
    [
        "/admin/../public/x",
        "/admin/%2e%2e/public/x",
        "/admin/%2E./public/x",
        "/admin//../public/x",
        "/public/..%2fadmin/x",
        "/public/%2e%2e%2fadmin%2fx",
        "/items/7%2fprivate",
        "/items/7%2Fprivate",
        "/items/%37%2f%70rivate",
        "/items//7%2fprivate",
        "/items/x/../7%2fprivate",
    ],
)
def test_no_spelling_runs_a_handler_that_asks_for_a_token(gateway: GatewayProcess, target: str) -> None:
    """Without one, the secret's handler never answers."""
    status, body = ask(gateway, target)

    assert body != b"secret"
    assert status in (400, 401)
