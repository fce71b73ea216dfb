"""What a gateway in memory says that happens is what happens: the same requests to it and to one that runs."""

from __future__ import annotations

import http.client
import json
import os
import random
import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest
import requests

from gateway.config import load
from gateway.config.loading import load_with_places
from gateway.config.schema.cases import CaseRequest
from gateway.rehearsal.decisions import explain
from gateway.rehearsal.judging import judge
from gateway.rehearsal.stage import Outcome, Stage
from tests.rehearsal import drawing
from tests.system.gateway_process import GatewayProcess, until
from tests.system.test_samples import ETC, running

REQUESTS = 25
SEED = 20261129
DRAWN = 500 if os.environ.get("HYPOTHESIS_PROFILE") == "explore" else 5
"""Configurations that are drawn."""
EACH = 6
"""Requests to each."""
TOKEN = "the-admin-token"
MADE_UP = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}")
"""Identifiers of exchanges, wherever a rule has put them."""

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
            fields = {name.lower(): value for name, value in self.headers.items()}
            self.server.asked.append((self.command, self.path, fields, content))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args: Any) -> None:
        """The gateway logs."""


for method in (*METHODS, "DELETE"):
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
    own = fields.get("x-request-id")
    sent = [
        (method, path, {name: value for name, value in said.items() if name not in TRACED}, content)
        for method, path, said, content in list(asked)
        if own in (None, said.get("x-request-id"))  # a backend may only now have read what an earlier exchange gave up
    ]
    return _got(response.status, fields, sent)


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


def like_that(chance: random.Random, number: int, backends: list[str]) -> drawing.Configuration:
    """Draw a configuration for a gateway that runs: its backends are there, and nothing in it goes by a short time.

    Args:
        chance: Draws.
        number: Of the configuration. Names have it in them, so that nothing is carried over from the one before.
        backends: URLs.
    """
    said = drawing.configuration(chance, caches=False)
    named = json.loads(re.sub(r'"(main|spare|a|b|said)"', rf'"\1-{number}"', json.dumps(said)))
    for upstream in named["upstreams"]:
        upstream["backends"] = [
            one | {"url": backends[place % len(backends)]}
            for place, one in enumerate(upstream["backends"][: len(backends)])
        ]
        upstream.pop("health_check", None)
        upstream.pop("slow_start", None)
    for route in named["routes"]:
        route.pop("hedge", None)
        route.pop("timeout", None)
        route.get("retry", {}).pop("per_try_timeout", None)
    return {**named, "timeouts": {"request": 60}}


def without_ids(got: Got) -> Got:
    """Return what became of a request without what each exchange has for itself."""
    return Got(
        *json.loads(MADE_UP.sub("ID", json.dumps([*got[:3], [[*one[:3], one[3].decode()] for one in got.sent]])))
    )


def as_case(request: CaseRequest, status: int, route: str | None) -> dict[str, Any]:
    """Write what a gateway that runs has said as a test."""
    asked = {"method": request.method, "url": request.url, "headers": request.headers, "client": request.client}
    if request.body is not None:
        asked["body"] = request.body
    return {"request": asked, "expect": {"status": status, "route": route}}


def records(gateway: GatewayProcess) -> list[dict[str, Any]]:
    """Return the records of its access log; there is none before the first request."""
    return gateway.logs if gateway.access_log.exists() else []


@pytest.mark.timeout(60 + 10 * DRAWN)  # of them, each takes a second and a half where much else runs
def test_all_agree_about_configurations_that_are_drawn(tmp_path: Path) -> None:
    """One that runs, `gateway explain` and `gateway test`: on status, route, reason, fields, and what backends get."""
    chance = random.Random(SEED)
    asked: list[Asked] = []
    statuses = set()
    with ExitStack() as stack:
        backends = [stack.enter_context(recorder(asked)).url for _ in range(2)]
        gateway = GatewayProcess(tmp_path)
        admin = {"endpoint": f"tcp:{gateway.admin_port}:interface=127.0.0.1", "token": TOKEN}
        gateway.configure(admin=admin, **like_that(chance, 0, backends))
        stack.callback(gateway.stop)
        gateway.start()
        for number in range(1, DRAWN + 1):
            said = json.loads(gateway.config.read_text()) | like_that(chance, number, backends)
            url, token = f"http://127.0.0.1:{gateway.admin_port}/config", {"Authorization": f"Bearer {TOKEN}"}
            put = requests.put(url, json=said, headers=token, timeout=15)
            assert put.status_code == 200, put.text
            file = tmp_path / f"{number}.json"
            file.write_text(json.dumps(said))
            stage = Stage(load(file, {}))
            stage.begin(time.time(), {})
            cases: dict[str, dict[str, Any]] = {}
            for request in drawing.requests(chance, EACH):
                before = len(records(gateway))
                outcome = stage.ask(request)
                found = happened(gateway.url, outcome, asked)
                until(lambda before=before: len(records(gateway)) > before)
                record = records(gateway)[-1]
                assert without_ids(rehearsed(outcome)) == without_ids(found), (said, request)
                assert (outcome.record["route"], outcome.record["reason"]) == (record["route"], record["reason"]), said
                statuses.add(found.status)
                if str(record["route"]) in cases:
                    continue  # a test begins anew, and so do the limits of its route
                cases[str(record["route"])] = as_case(request, found.status, record["route"])
                explained = explain(load_with_places(file, {}), request, None, time.time()).outcome
                assert without_ids(rehearsed(explained)) == without_ids(found), (said, request)
            file.write_text(json.dumps({**said, "tests": list(cases.values())}))
            verdicts = judge(load(file, {}), range(len(cases)))
            assert [one for one in verdicts if not one.passed] == [], (said, cases)

    assert len(statuses) > 3, statuses
