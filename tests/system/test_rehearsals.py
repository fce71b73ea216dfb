"""What a gateway in memory says that happens is what happens: the same requests to it and to one that runs."""

from __future__ import annotations

import http.client
import json
import random
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest

from gateway.config import load
from gateway.config.schema.cases import CaseRequest
from gateway.rehearsal.stage import Outcome, Stage
from tests.system.test_samples import ETC, running

REQUESTS = 25
SEED = 20261129

PATHS = {
    "gateway.yaml": "/api/users/7 /api/orders /api/any/1?q=1&q=2 /api/any/../users/1 /api/a%2fb /nothing",
    "microservices.yaml": "/api/users/7?x=y /api/orders/1 /api/catalog/a /api/profile/7 /api/profile /api",
    "identity.yaml": "/accounts/7 /accounts/admin/7 /reports/1 /status /oauth/token /accounts/%2e%2e/status",
    "tenants.yaml": "/api/items /api/items/%c3%bc?a=b /other",
}
CLAIMS: list[dict[str, Any] | None] = [
    None,
    {"sub": "ada", "azp": "web", "tenant": "acme", "roles": ["admin"], "scope": "reports read"},
    {"sub": "bob", "azp": "app", "tenant": "small", "plan": "pro"},
    {"sub": "eve", "azp": "other"},
]
FIELDS: list[dict[str, str]] = [
    {},
    {"Accept": "text/html", "Via": "1.0 x"},
    {"X-User-ID": "root", "X-Tenant": "t"},
    {"X-API-Key": "demo-key-of-acme"},
]
VOLATILE = frozenset({"date", "server", "x-request-id", "age", "retry-after"})
"""Fields of answers that are of the moment, or of the backend's own server."""
METHODS = ("GET", "HEAD", "POST", "PUT", "OPTIONS")
TRACED = frozenset({"x-request-id", "traceparent"})


Asked = tuple[str, str, dict[str, str], bytes]
"""Method, target, fields and content."""


class Got(NamedTuple):
    """What became of a request: what both must agree about."""

    status: int
    fields: dict[str, str]
    reason: str | None
    sent: list[Asked]


class Recorder(ThreadingHTTPServer):
    """A backend that answers 200 with nothing, and keeps what it was asked."""

    daemon_threads = True

    def __init__(self, asked: list[Asked]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked = asked

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Recorder

    def _answer(self) -> None:
        content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.headers.get("User-Agent") != "gateway-health-check":
            fields = {name.lower(): value for name, value in self.headers.items() if name.lower() not in TRACED}
            self.server.asked.append((self.command, self.path, fields, content))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args: Any) -> None:
        """The gateway logs."""


for method in METHODS:
    setattr(_Handler, f"do_{method}", _Handler._answer)


@contextmanager
def recorder(asked: list[Asked]) -> Iterator[Recorder]:
    """Run one.

    Args:
        asked: What it was asked, to be added to.
    """
    with Recorder(asked) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def drawn(chance: random.Random, name: str) -> tuple[CaseRequest, dict[str, Any] | None]:
    """Draw a request for a sample, and who makes it."""
    host = chance.choice(["localhost", "small.example.com", "acme.example.com"])
    method = chance.choice(METHODS)
    request = CaseRequest(
        method=method,
        url=f"http://{host}{chance.choice(PATHS[name].split())}",
        headers=chance.choice(FIELDS),
        body=chance.choice([{"n": 1}, "text"]) if method in ("POST", "PUT") else None,
        client="127.0.0.1",
    )
    return request, chance.choice(CLAIMS)


def rehearsed(outcome: Outcome) -> Got:
    """Return what a gateway in memory said."""
    answer = outcome.answer
    fields = {name.decode().lower(): value.decode() for name, value in answer.headers}
    sent = []
    for one in outcome.sent:
        asked = one.asked
        lines = {name.decode().lower(): value.decode() for name, value in asked.headers}
        lines = {name: value for name, value in lines.items() if name not in TRACED}
        sent.append((asked.method.decode(), asked.target.decode(), lines, asked.body))
    return _got(answer.status, fields, sent)


def happened(url: str, outcome: Outcome, asked: list[Asked]) -> Got:
    """Send the same octets to a gateway that runs, and return what became of them."""
    asked.clear()
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname, parts.port), timeout=15) as connection:
        connection.sendall(outcome.asked.octets)
        response = http.client.HTTPResponse(connection, method=outcome.asked.method)
        response.begin()
        response.read()
    fields = {name.lower(): value for name, value in response.getheaders()}
    return _got(response.status, fields, list(asked))


def _got(status: int, fields: dict[str, str], sent: list[Asked]) -> Got:
    kept = {
        name: value for name, value in fields.items() if name not in VOLATILE and not name.startswith("x-ratelimit-re")
    }
    return Got(status, kept, fields.get("gateway-reason"), sorted(sent, key=lambda one: json.dumps(one[:3])))


@pytest.mark.parametrize("name", PATHS)
def test_both_agree(name: str) -> None:
    """On status, reason, fields, and what backends get; tokens that were made up are taken by the one that runs too."""
    chance = random.Random(SEED)
    asked: list[Asked] = []
    with ExitStack() as stack:
        backends = [stack.enter_context(recorder(asked)).url for _ in range(2)]
        url, environ = stack.enter_context(running(ETC / name, backends))
        stage = Stage(load(ETC / name, environ))
        stage.begin(time.time(), {})
        seen = set()
        for _ in range(REQUESTS):
            request, claims = drawn(chance, name)
            outcome = stage.ask(request, claims)
            wanted, found = rehearsed(outcome), happened(url, outcome, asked)
            if wanted.status >= 500:  # the first part that fails ends the others: a backend may not have read them yet
                assert [one for one in found.sent if one not in wanted.sent] == [], (request, claims)
                wanted, found = wanted._replace(sent=[]), found._replace(sent=[])
            assert wanted == found, (request, claims)
            seen.add(outcome.answer.status)

    assert len(seen) > 2, seen
