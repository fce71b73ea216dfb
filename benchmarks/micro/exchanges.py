"""The bytes of each scenario: what clients send, what the backend answers, what must come back.

Nothing here knows the gateway, so that every revision is given the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any

from benchmarks import workload

NEVER = 1_000_000_000
"""Requests in a window that no run makes."""

REDIS = 6379
"""The port at which Redis is dialled."""

DATE = formatdate(usegmt=True)
"""Of answers: a cache keeps none that is old already."""

COLLECTOR = 4318
"""The port at which a collector of spans is."""

CHAIN: dict[str, Any] = {
    "auth": {
        "jwt": {
            "default": {
                "algorithms": ["HS256"],
                "secret": workload.TOKEN_SECRET,
                "issuer": "benchmark",
                "audience": "api",
            }
        }
    }
}
CHAIN_ROUTE: dict[str, Any] = {
    "retry": {},
    "auth": {"type": "jwt", "scopes": ["read"]},
    "rate_limit": {"requests": NEVER, "window": "1h", "scope": "user"},
}
CHAIN_UPSTREAM: dict[str, Any] = {"passive_health": {}, "circuit_breaker": {}, "slow_start": "10s"}


@dataclass(frozen=True)
class Exchange:
    """One scenario.

    Attributes:
        title: What is measured, in a few words.
        status: That every answer must have.
        target: What is asked for.
        version: Of HTTP; 1.0 opens a connection for each request.
        new_heads: No head is sent twice, on either side: its last line is new.
        new_lines: Nor is any other line, but for those that cannot say something new each time.
        traced: Share of the traces that are sent to a collector; None where the gateway sends none.
        redis: A limit is counted in Redis, so that every request waits for an answer.
        tls: Clients speak TLS, over connections that are kept.
        calls: They are calls of gRPC, over HTTP/2 on both sides; what is sent is in `benchmarks.micro.calls`.
        asks_backend: Whether the backend is asked; else the gateway answers itself.
        says: What the backend's answer has for fields, beside the usual ones.
        content: Of the backend's answer.
        route: What its route has, beside path and upstream.
        upstream: What its upstream has.
        more: Further sections of the configuration.
    """

    title: str
    status: int = 200
    target: str = workload.ANSWER_PATH
    version: str = "1.1"
    new_heads: bool = False
    new_lines: bool = False
    traced: float | None = None
    redis: bool = False
    tls: bool = False
    calls: bool = False
    asks_backend: bool = True
    says: str = ""
    content: bytes = workload.ANSWER
    route: Mapping[str, Any] = field(default_factory=dict)
    upstream: Mapping[str, Any] = field(default_factory=dict)
    more: Mapping[str, Any] = field(default_factory=dict)

    @property
    def keeps_connections(self) -> bool:
        """Whether a client asks again on the same connection."""
        return self.version == "1.1"

    def configuration(self) -> dict[str, Any]:
        """Return the configuration of its gateway."""
        url = "h2c://192.0.2.10:80" if self.calls else "http://192.0.2.10:80"
        return {
            "listeners": [{"endpoint": "tcp:8080"}],
            "upstreams": [{"name": "users", "backends": [{"url": url}], **self.upstream}],
            "routes": [{"name": "users", "path": "/api/users/*", "upstream": "users", **self.route}],
            **self.more,
            **({} if self.traced is None else {"tracing": self._tracing()}),
        }

    def _tracing(self) -> dict[str, Any]:
        endpoint = f"http://192.0.2.30:{COLLECTOR}"
        return {"exporter": "otlp", "endpoint": endpoint, "sample_ratio": self.traced, "compression": "none"}

    def requests(self) -> Callable[[int], bytes]:
        """Return what makes the request of a number."""
        new = " (%NEW%)" if self.new_lines else ""
        fields = "".join(f"{name}: {value}{new}\r\n" for name, value in workload.headers())
        if self.new_heads:
            fields += "X-Number: %NEW%\r\n"
        return _numbered(f"GET {self.target} HTTP/{self.version}\r\nHost: 127.0.0.1:8080\r\n{fields}\r\n")

    def answers(self) -> Callable[[int], bytes]:
        """Return what makes the backend's answer to the request of a number."""
        new = " (%NEW%)" if self.new_lines else ""
        fields = (
            f"Server: nginx/1.22.1{new}\r\nDate: {DATE}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(self.content)}\r\nConnection: keep-alive\r\n{self.says}"
        )
        if self.new_heads:
            fields += 'ETag: "%NEW%"\r\n'
        return _numbered(f"HTTP/1.1 200 OK\r\n{fields}\r\n{self.content.decode()}")


def _numbered(message: str) -> Callable[[int], bytes]:
    """Return what makes the message of a number."""
    parts = message.encode().split(b"%NEW%")
    return lambda number: (b"%d" % number).join(parts)


EXCHANGES: dict[str, Exchange] = {
    "plain": Exchange("the same head in every request"),
    "chain": Exchange(
        "a token, a limit by user, breakers, retries", route=CHAIN_ROUTE, upstream=CHAIN_UPSTREAM, more=CHAIN
    ),
    "chain-redis": Exchange(
        "the chain with its limit in Redis; Redis itself is not counted",
        redis=True,
        route=CHAIN_ROUTE,
        upstream=CHAIN_UPSTREAM,
        more={**CHAIN, "rate_limit_store": "redis", "redis": {"url": f"redis://192.0.2.20:{REDIS}", "timeout": "1h"}},
    ),
    "traced": Exchange("plain, and every trace is sent to a collector, which is not counted", traced=1.0),
    "traced-few": Exchange("plain, and one trace of a hundred is sent", traced=0.01),
    "transform": Exchange(
        "a prefix stripped, two fields added each way",
        route={
            "transformations": {
                "request": {
                    "path": {"strip_prefix": "/api"},
                    "add_headers": {"X-Gateway": "edge", "X-Client": "${client_ip}"},
                },
                "response": {"add_headers": {"X-Served-By": "edge", "X-Response-Time": "${latency}"}},
            }
        },
    ),
    "plugin": Exchange(
        "a plugin whose three hooks do nothing",
        route={"plugins": ["nothing"]},
        more={"plugins": [{"name": "nothing", "class": "benchmarks.installed.nothing_plugin.Nothing"}]},
    ),
    "cache-hit": Exchange(
        "an answer of 1 kB, kept in memory: the backend is asked for the first one only",
        route={"cache": {}},
        says=f"Cache-Control: {workload.KEPT_FOR}\r\n",
        content=b"." * workload.KEPT_SIZE,
    ),
    "new-heads": Exchange("no head seen before, on either side; one line of each is new", new_heads=True),
    "new-lines": Exchange("the same, and all lines that can be are new", new_heads=True, new_lines=True),
    "tls": Exchange("TLS 1.3 over kept connections; the clients' part is not counted", tls=True),
    "chain-tls": Exchange("the chain over TLS", tls=True, route=CHAIN_ROUTE, upstream=CHAIN_UPSTREAM, more=CHAIN),
    "http10": Exchange("HTTP/1.0, a connection for each request", version="1.0"),
    "grpc": Exchange("unary calls of 126 octets, four connections with 16 each; peers are not counted", calls=True),
    "errors": Exchange("404, made by the gateway", status=404, target="/nowhere", asks_backend=False),
}


def redis_answers(commands: bytes) -> bytes:
    """Return what Redis answers to commands that were written together: the greeting's, and the script of limits."""
    script = b"*8\r\n:1\r\n:1\r\n:%d\r\n:0\r\n:1780000000\r\n:1\r\n:1780000000000000\r\n:1780000000000000\r\n" % NEVER
    subscribed = b"*3\r\n$9\r\nsubscribe\r\n$1\r\n-\r\n:1\r\n"
    others = {
        b"PING": b"+PONG\r\n",
        b"SUBSCRIBE": subscribed,
        b"ZREMRANGEBYSCORE": b":0\r\n",
        b"ZRANGEBYSCORE": b"*0\r\n",
    }
    answers = {**others, b"EVALSHA": script}
    return b"".join(answers[one] for one in re.findall(rb"\*\d+\r\n\$\d+\r\n(\w+)\r\n", commands))


def choose(names: list[str]) -> dict[str, Exchange]:
    """Return the scenarios of these names, all where there are none.

    Raises:
        ValueError: There is none of that name.
    """
    for name in names:
        if name not in EXCHANGES:
            raise ValueError(f"there is no micro-benchmark {name}; there are {', '.join(EXCHANGES)}")
    return {name: EXCHANGES[name] for name in names or EXCHANGES}
