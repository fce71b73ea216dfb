"""The gateway and Envoy with the same chain before the backend: who calls, how much, and what if the backend fails."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.proxies.envoy import TYPE, Envoy
from benchmarks.proxies.gateway import Gateway, configuration
from benchmarks.workload import TOKEN_SECRET, Task

_SECRET = {"kty": "oct", "alg": "HS256", "k": urlsafe_b64encode(TOKEN_SECRET.encode()).rstrip(b"=").decode()}

NEVER = 1_000_000_000
"""Requests in a window that no run makes."""

RESILIENT: dict[str, Any] = {
    "health_check": {"path": "/api/users/42"},
    "passive_health": {},
    "circuit_breaker": {},
    "slow_start": "10s",
}


class Chained(Gateway):
    """The gateway with a token verified, a limit by user, checks, breakers and retries; none of them has to act.

    Args:
        name: In the table.
        checkout: As for `Gateway`.
        identity: Whether the caller is asked for, and limited.
        more: Further sections of the configuration.
    """

    def __init__(self, name: str, checkout: Path, *, identity: bool = True, **more: Any) -> None:
        super().__init__(name, checkout)
        store = more.get("rate_limit_store", "memory")
        who = f"JWT (HS256, results kept), token bucket by user in {store}, " if identity else ""
        self.does = f"as gateway, with {who}active checks, ejection, circuit breakers and retries, all quiet"
        self._identity = identity
        self._more = more

    def configuration(self, task: Task) -> dict[str, Any]:
        """Add the chain."""
        plain = configuration(task)
        route: dict[str, Any] = {"retry": {}}
        if self._identity:
            route["auth"] = {"type": "jwt", "scopes": ["read"]}
            route["rate_limit"] = {"requests": NEVER, "window": "1h", "scope": "user"}
            verifier = {"algorithms": ["HS256"], "secret": TOKEN_SECRET, "issuer": "benchmark", "audience": "api"}
            plain["auth"] = {"jwt": {"default": verifier}}
        return {
            **plain,
            "upstreams": [{**upstream, **RESILIENT} for upstream in plain["upstreams"]],
            "routes": [{**one, **route} for one in plain["routes"]],
            **self._more,
        }


class ChainedEnvoy(Envoy):
    """Envoy with its filters for the same."""

    name = "envoy+chain"
    does = (
        "as envoy, with jwt_authn (HS256, results kept), local_ratelimit, an active check, outlier detection, "
        "circuit breakers and a retry policy, all quiet"
    )

    def configuration(self, task: Task) -> dict[str, Any]:
        """Add the filters, and what the cluster and the route have for it."""
        plain = super().configuration(task)
        resources = plain["static_resources"]
        (cluster,) = resources["clusters"]
        cluster |= {
            "outlier_detection": {"consecutive_5xx": 5},
            "circuit_breakers": {"thresholds": [{"max_connections": 1000, "max_retries": 100}]},
            "health_checks": [
                {
                    "timeout": "5s",
                    "interval": "10s",
                    "unhealthy_threshold": 3,
                    "healthy_threshold": 2,
                    "http_health_check": {"path": "/api/users/42"},
                }
            ],
        }
        (filter_,) = resources["listeners"][0]["filter_chains"][0]["filters"]
        manager = filter_["typed_config"]
        jwt = jwt_filter(_SECRET, jwt_cache_config={"jwt_cache_size": 1000})
        manager["http_filters"] = [jwt, _limit(), *manager["http_filters"]]
        (host,) = manager["route_config"]["virtual_hosts"]
        (route,) = host["routes"]
        route["route"]["retry_policy"] = {"retry_on": "5xx,reset,connect-failure", "num_retries": 2}
        return plain


def jwt_filter(key: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """Return Envoy's filter that verifies tokens.

    Args:
        key: As a JWK.
        more: Further settings of the provider.
    """
    provider = {
        "issuer": "benchmark",
        "audiences": ["api"],
        "local_jwks": {"inline_string": json.dumps({"keys": [dict(key)]})},
        "claim_to_headers": [{"header_name": "x-user-id", "claim_name": "sub"}],
        **more,
    }
    return {
        "name": "envoy.filters.http.jwt_authn",
        "typed_config": {
            "@type": TYPE + "filters.http.jwt_authn.v3.JwtAuthentication",
            "providers": {"default": provider},
            "rules": [{"match": {"prefix": "/"}, "requires": {"provider_name": "default"}}],
        },
    }


def _limit() -> dict[str, Any]:
    return {
        "name": "envoy.filters.http.local_ratelimit",
        "typed_config": {
            "@type": TYPE + "filters.http.local_ratelimit.v3.LocalRateLimit",
            "stat_prefix": "limit",
            "token_bucket": {"max_tokens": NEVER, "tokens_per_fill": NEVER, "fill_interval": "3600s"},
            "filter_enabled": {"default_value": {"numerator": 100}},
            "filter_enforced": {"default_value": {"numerator": 100}},
            "enable_x_ratelimit_headers": "DRAFT_VERSION_03",
        },
    }
