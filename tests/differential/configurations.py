"""The gateways of the script: between them, every step that stands in many chains, and all that is compiled."""

from __future__ import annotations

import hashlib
from typing import Any

import jwt

SECRET = "a-secret-of-forty-octets-for-the-tests-only"
START = 1_781_000_000
"""Unix seconds at which a gateway in memory begins."""

BACKENDS = ("a", "b", "c")
"""Their names; the first is at port 9001."""


def token(user: str, expires: int = 100_000_000, **claims: Any) -> bytes:
    """Return a token that the verifier of the chain takes, unless it has expired."""
    said = {"iss": "us", "aud": "api", "sub": user, "exp": START + expires, "roles": ["editor"], **claims}
    return jwt.encode(said, SECRET, "HS256").encode()


TOKENS = [token("alice", scope="read"), token("bob", scope="read write", plan="pro"), token("carol"),
          token("dave", expires=-500, scope="read"), token("eve", scope="read")[:-2], b"not.a.token", b""]  # fmt: skip
KEYS = [b"a-key-of-acme", b"a-key-of-house", b"nobody's", b""]

_BACKENDS = [{"url": f"http://127.0.0.1:{9001 + number}"} for number in range(len(BACKENDS))]
_JWT = {"jwt": {"default": {"algorithms": ["HS256"], "secret": SECRET, "issuer": "us", "audience": "api"}}}
_API_KEYS = {
    "api_keys": {
        "keys": [
            {"id": name, "user": name, "scopes": ["read"], "hash": f"sha256:{hashlib.sha256(key).hexdigest()}"}
            for name, key in (("acme", KEYS[0]), ("house", KEYS[1]))
        ]
    }
}


def _gateway(
    route: dict[str, Any] | None = None,
    upstream: dict[str, Any] | None = None,
    routes: list[dict[str, Any]] | None = None,
    **settings: Any,
) -> dict[str, Any]:
    """Return a configuration with one route for all that the requests ask for, and others before it."""
    main = {"name": "main", "backends": _BACKENDS, **(upstream or {})}
    spare = {"name": "spare", "backends": [{"url": "http://127.0.0.1:9003/base"}], "rewrite_responses": True}
    everything = {"name": "orders", "path": "/orders/*", "upstream": "main", **(route or {})}
    return {"upstreams": [main, spare], "routes": [*(routes or []), everything], **settings}


CONFIGURATIONS: dict[str, dict[str, Any]] = {
    "plain": _gateway(),
    "chain": _gateway(
        {"auth": {"type": "jwt", "scopes": ["read"]}, "retry": {},
         "rate_limit": {"limit": 40, "window": "60s", "scope": "user", "tiers": {"claim.plan=pro": 400}}},
        {"passive_health": {}, "circuit_breaker": {}, "slow_start": "10s", "strategy": "least_connections"},
        auth=_JWT | {"identity_fields": {"user": "X-Who"}},
    ),
    "keys": _gateway(
        {"auth": {"any_of": ["api_key", "jwt"]}, "rate_limit": {"limit": 10, "window": "10s", "scope": "user",
                                                                "algorithm": "sliding_window"}},
        auth=_JWT | _API_KEYS,
        ratelimit_headers=["x", "ietf"],
    ),
    "limits": _gateway(
        {"in_flight": 2, "queue": {"size": 2, "timeout": "1s"}, "request_body": 200, "timeout": "2s"},
        {"pool": {"max_connections": 1, "max_pending": 2, "queue_timeout": "500ms"}, "backends": _BACKENDS[:1]},
        rate_limits=[{"path": "/orders/*", "scope": "ip", "limit": 30, "window": "60s"},
                     {"path": "/orders/1", "scope": "ip", "limit": 8, "window": "10s"}],
        limits={"request_header": 2048, "header_fields": 20, "response_header": 8192},
        timeouts={"client_header": "2s", "client_body": "2s", "client_idle": "3s", "request": "5s"},
        ip_deny=["192.0.2.9"],
    ),
    "retries": _gateway(
        {"retry": {"attempts": 3, "on": ["connect", "refused", "reset", "timeout", 500, 502, 503, 504], "budget": 1.0,
                   "per_try_timeout": "1s", "idempotency_key": True, "buffer": 100}},
        {"passive_health": {"failures": 2, "eject": "5s"}, "strategy": "random", "circuit_breaker":
         {"failure_threshold": 6, "timeout": "2s", "fallback": {"status": 203, "body": "instead"}}},
    ),
    "bodies": _gateway(
        {"request_body": "20KiB", "retry": {"attempts": 1, "backoff": 0, "budget": 1.0, "buffer": "1KiB"}, "hedge":
         {"min_delay": "100ms", "budget": 1.0}},
        {"rewrite_responses": True, "host_header": "shop.internal", "circuit_breaker":
         {"failure_threshold": 3, "timeout": "1s", "fallback": {"cached": True, "cache_entry": "4KiB"}}},
        limits={"request_buffer": 1000},
        access_log={"fields": ["request_id", "method", "path", "query", "status", "duration_ms", "bytes_received",
                               "bytes_sent"], "redact_query": ["b"]},
    ),
    "matching": _gateway(
        {"methods": ["GET", "POST", "PUT"], "priority": "low"},
        {"host_header": "backend", "strategy": "ip_hash"},
        [
            {"name": "host", "path": "/orders/*", "host": ["h2", "*.example.com"], "upstream": "spare",
             "timeout": "1s"},
            {"name": "field", "path": "/orders/*", "headers": {"X-A": "~^1"}, "query": {"a": "*"}, "upstream":
             [{"name": "main", "weight": 3}, {"name": "spare", "weight": 1}]},
            {"name": "segment", "path": "/orders/:id/lines", "upstream": "spare", "request_body": 10},
            {"name": "moved", "path": "/orders/2", "redirect": {"path": "/orders/1", "status": 308}},
            {"name": "fixed", "path": "/orders/3", "respond": {"status": 200, "body": "fixed"}},
        ],
        trusted_proxies=["192.0.2.0/29"],
        forwarded={"forwarded": True, "original_url": True},
        paths={"readings": ["dots", "slashes", "case"], "forward": "normalized"},
        access_log={"format": "combined"},
    ),
}  # fmt: skip
