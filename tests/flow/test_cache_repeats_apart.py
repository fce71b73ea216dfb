"""Requests that are known whole, beside the same ones in a gateway that knows none: each client is told the same.

Two gateways are made alike, but one forgets at once what came before whole (`gateway.http1.repeats`). Both get the same
requests, drawn: of several clients, at several listeners, by trusted proxies and PROXY headers, with credentials, with
what clients ask of caches, over changes of the configuration, purges, and time. Every answer and every record has to be
the same, but for ids; and what an answer says it was made for has to be what was asked.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

import pytest

from gateway.caching.memory import MemoryStore
from gateway.caching.store import Purge
from gateway.http1.repeats import Repeats
from gateway.memory.backend import Asked, ok
from gateway.memory.client import FakeClient, parse_responses
from gateway.middleware import access_log
from gateway.testing import Harness

Make = Callable[..., Harness]

STEPS = 180
AGES = [b"3", b"60"]

PROXY = "10.0.0.1"
DENIED = "192.0.2.66"
CLIENTS = [
    *((address, "one") for address in ("192.0.2.1", "192.0.2.2", DENIED, PROXY)),
    *[("192.0.2.1", "two"), ("192.0.2.1", "greeted"), ("192.0.2.9", "greeted")],
]
GREETINGS = {
    "192.0.2.1": b"PROXY TCP4 192.0.2.7 192.0.2.8 1 2\r\n",
    "192.0.2.9": b"PROXY TCP4 192.0.2.66 1.2.3.4 1 2\r\n",
}

FIELDS: list[dict[str, str]] = [
    *([{}] * 6),
    {"X-API-Key": "secret-a"},
    {"X-API-Key": "secret-b"},
    {"X-API-Key": "wrong"},
    {"Cookie": "a=b"},
    {"Cache-Control": "no-cache"},
    {"Cache-Control": "only-if-cached"},
    {"Range": "bytes=0-3"},
    {"If-None-Match": "*"},
    {"X-Tenant": "acme"},
    {"X-Version": "2"},
    {"X-Forwarded-For": "192.0.2.66"},
    {"X-Forwarded-For": "192.0.2.5", "X-Forwarded-Proto": "https"},
    {"X-Forwarded-Host": "evil.test"},
    {"X-User-Id": "root"},
    {"X-Real-IP": "192.0.2.5"},
    {"Forwarded": "for=192.0.2.5;host=evil.test"},
    {"Origin": "https://app.example.com"},
    {"Accept-Encoding": "gzip"},
    {"Host": "other.test"},
]
ORDINARY = [{}, {}, *FIELDS[6:8], FIELDS[14], {"X-Forwarded-For": "192.0.2.5", "X-Forwarded-Proto": "https"}]
CACHED = ["/orders/1", "/orders/1?a=b", "/orders/%31", "/keys/1", "/split/1", "/vary/1", "/changed/1", "/both/1"]
TARGETS = [*CACHED, "/changed/2", "/plain/1", "/versions/1", "/browsers/1", "/orders/1/../2", "/health"]

ROUTES: list[dict[str, Any]] = [
    {"name": "orders", "path": "/orders/*", "upstream": "a", "cache": {}},
    {"name": "keys", "path": "/keys/*", "upstream": "a", "cache": {}, "auth": {"type": "api_key"}},
    {"name": "split", "path": "/split/*", "upstream": [{"name": "a"}, {"name": "b"}], "cache": {}, "split_on": "ip"},
    {
        "name": "vary",
        "path": "/vary/*",
        "upstream": "a",
        "cache": {"vary": ["X-Tenant"]},
        "compression": {"min_size": 1},
    },
    {
        "name": "changed",
        "path": "/changed/:id",
        "upstream": "a",
        "cache": {},
        "transformations": {
            "request": {"query": {"set": {"ip": "${client_ip}"}}},
            "response": {
                "set_headers": {"X-Param": "${param.id}", "X-IP": "${client_ip}", "X-Who": "${header.Cookie}"}
            },
        },
    },
    {"name": "plain", "path": "/plain/*", "upstream": "a"},
    {"name": "here", "path": "/both/*", "upstream": "a", "cache": {}, "listeners": ["one"]},
    {"name": "there", "path": "/both/*", "upstream": "b", "cache": {}, "listeners": ["two", "greeted"]},
    {"name": "versions", "path": "/versions/*", "headers": {"X-Version": "2"}, "upstream": "b", "cache": {}},
    {"name": "old", "path": "/versions/*", "upstream": "a", "cache": {}},
    {
        "name": "browsers",
        "path": "/browsers/*",
        "upstream": "a",
        "cache": {},
        "cors": {"allowed_origins": ["https://app.example.com"]},
        "listeners": ["one"],
        "rate_limit": {"limit": 4, "window": "2s"},
    },
]
ACCESS: list[dict[str, Any]] = [
    {"ip_deny": [DENIED], "trusted_proxies": [PROXY, "192.0.2.1", "192.0.2.9"]},
    {"ip_deny": [], "trusted_proxies": ["192.0.2.1", "192.0.2.9"]},
    {"ip_deny": ["192.0.2.2", "192.0.2.7"], "trusted_proxies": [PROXY, "192.0.2.1"]},
]
CHANGES: list[list[dict[str, Any]]] = [
    ROUTES,
    ROUTES[1:],
    [{**ROUTES[0], "name": "renamed"}, *ROUTES[1:]],
    [{**ROUTES[0], "auth": {"type": "api_key"}}, *ROUTES[1:]],
    [{**ROUTES[0], "upstream": "b"}, *ROUTES[1:]],
    [{**ROUTES[0], "listeners": ["two"]}, *ROUTES[1:]],
    [{**ROUTES[0], "name": "secure", "headers": {"X-Forwarded-Proto": "https"}, "upstream": "b"}, *ROUTES],
    [{"name": "first", "path": "/orders/1", "respond": {"body": "here"}}, *ROUTES],
]


class Forgetting(Repeats):
    """Remembers nothing."""

    longest = 0


def store_of(made: Harness) -> MemoryStore:
    """Where a gateway keeps its answers."""
    store = made.gateway.foundation.carried._things["cache", "memory"]
    assert isinstance(store, MemoryStore)
    return store


class Pair:
    """Two gateways that get the same."""

    def __init__(self, make: Make) -> None:
        listeners = [
            {"name": "one", "endpoint": "tcp:8080"},
            {"name": "two", "endpoint": "tcp:8081"},
            {"name": "greeted", "endpoint": "tcp:8082", "proxy_protocol": True},
        ]
        keys = [{"id": name, "key": f"secret-{name}", "user": name} for name in "ab"]
        auth = {"api_keys": {"header": "X-API-Key", "keys": keys}}
        self.both = [make("a", "b", listeners=listeners, routes=ROUTES, auth=auth, **ACCESS[0]) for _ in range(2)]
        memo = self.both[1].gateway.site.memo
        memo.repeats = Forgetting()
        self.known = 0
        self._open: dict[tuple[str, str], tuple[FakeClient, FakeClient]] = {}
        self._served = 0
        for made in self.both:
            for name in "ab":
                made.backend(name).answer = self._answers(name)

    def _answers(self, name: str) -> Callable[[Asked], bytes]:
        count = 0

        def answer(asked: Asked) -> bytes:
            nonlocal count
            count += 1
            says = {
                "of": name,
                "count": count,
                "target": asked.target.decode(),
                "host": (asked.headers.get(b"host") or b"").decode(),
            }
            age = AGES[len(asked.target) % len(AGES)]
            fields = [
                (b"Cache-Control", b"public, max-age=" + age),
                (b"Content-Type", b"application/json"),
                (b"ETag", b'"%d"' % count),
            ]
            return ok(json.dumps(says).encode(), *fields)

        return answer

    def ask(self, who: tuple[str, str], method: str, target: str, fields: dict[str, str], fresh: bool) -> None:
        """Let both be asked the same on a connection of the same age, and compare what they say."""
        known = None if fresh else self._open.get(who)
        clients = known or (self._connect(0, who), self._connect(1, who))
        lines = "".join(f"{name}: {value}\r\n" for name, value in ({"Host": "gateway.test"} | fields).items())
        head = f"{method} {target} HTTP/1.1\r\n{lines}\r\n".encode()
        said: list[tuple[Any, ...]] = []
        for made, client in zip(self.both, clients, strict=True):
            before = len(client.received)
            if known is None and who[1] == "greeted":
                made.send(GREETINGS[who[0]], client)
            made.send(head, client)
            ended = client.closed is not None
            answers = parse_responses(client.received[before:], (method.encode(),), ended=ended)
            if not answers:
                said.append(("closed", ended))
                continue
            answer = answers[0]
            told = [field for field in answer.headers if field[0].lower() != b"x-request-id"]
            body = b"" if b"problem" in (answer.headers.get(b"content-type") or b"") else answer.body
            said.append((answer.status, told, body, ended))
            self._is_for(target, answer.status, body)
        assert said[0] == said[1], (who, method, target, fields)
        self._open[who] = clients
        if any(client.closed is not None for client in clients):
            del self._open[who]
        self.compare_logs()
        self.known = max(self.known, len(self.both[0].gateway.site.memo.repeats))
        assert not self.both[1].gateway.site.memo.repeats

    def _is_for(self, target: str, status: int, body: bytes) -> None:
        """Look whether an answer is that to what was asked, whoever had it fetched."""
        if status == 200 and body.startswith(b"{") and b'"target"' in body:
            path = json.loads(body)["target"].partition("?")[0]
            assert path == target.partition("?")[0] or "/.." in target, (path, target)

    def _connect(self, which: int, who: tuple[str, str]) -> FakeClient:
        return self.both[which].client(who[0], who[1])

    def compare_logs(self) -> None:
        """Compare the records that were written since."""
        varying = {"request_id", "trace_id", "span_id"}
        lines = [made.log.lines[self._served :] for made in self.both]
        records = [[{k: v for k, v in json.loads(line).items() if k not in varying} for line in some] for some in lines]
        assert records[0] == records[1]
        self._served += len(lines[0])

    def each(self, do: Callable[[Harness], Any]) -> None:
        """Do the same to both."""
        for made in self.both:
            do(made)


@pytest.mark.parametrize("seed", range(8))
def test_who_is_known_is_told_what_others_are(make: Make, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    """Whatever clients send, and whatever happens meanwhile."""
    # Records are written in the way that remembers, which interpreted is not the usual one.
    monkeypatch.setattr(access_log, "COMPILED", True)
    drawn = random.Random(seed)
    pair = Pair(make)
    popular = [(drawn.choice(CACHED), drawn.choice(ORDINARY)) for _ in range(3)]
    for _ in range(STEPS):
        draw = drawn.random()
        if draw < 0.03:
            changes = {
                "routes": drawn.choice(CHANGES),
                **drawn.choice(ACCESS),
                "limits": {"in_flight": drawn.choice([0, 9])},
            }
            pair.each(lambda made, changes=changes: made.apply(**changes))  # type: ignore[misc]
        elif draw < 0.06:
            purge = drawn.choice([Purge(), Purge(route="orders"), Purge(url=b"gateway.test/orders/1")])
            pair.each(lambda made, purge=purge: store_of(made).purge(purge))  # type: ignore[misc]
        elif draw < 0.12:
            seconds = drawn.choice([0.2, 1.0, 3.0, 61.0])
            pair.each(lambda made, seconds=seconds: made.advance(seconds))  # type: ignore[misc]
        else:
            target, fields = drawn.choice(popular)
            if drawn.random() < 0.15:
                target, fields = drawn.choice(TARGETS), drawn.choice(FIELDS)
            method = "GET" if drawn.random() < 0.93 else drawn.choice(["HEAD", "DELETE", "OPTIONS"])
            who = drawn.choice(CLIENTS)
            for _ in range(drawn.choice([1, 2, 6])):
                who = who if drawn.random() < 0.5 else drawn.choice(CLIENTS)
                pair.ask(who, method, target, fields, drawn.random() < 0.2)
    assert pair.known
