"""The gateway and Envoy where callers show tokens with signatures, or API keys, and nothing else is done."""

from __future__ import annotations

from typing import Any

from benchmarks.proxies.chained import jwt_filter
from benchmarks.proxies.envoy import Envoy
from benchmarks.proxies.gateway import Gateway, configuration
from benchmarks.tokens import Signed
from benchmarks.workload import Task


class Verifying(Gateway):
    """The gateway with tokens verified.

    Args:
        gateway: As which it is run.
        signed: The tokens.
    """

    def __init__(self, gateway: Gateway, signed: Signed) -> None:
        super().__init__(f"{gateway.name}+{signed.algorithm}", gateway.checkout)
        self.does = f"as {gateway.name}, with JWT ({signed.algorithm}); results kept, 10,000 at most"
        self._signed = signed

    def configuration(self, task: Task) -> dict[str, Any]:
        """Add the verifier."""
        plain = configuration(task)
        verifier = {
            "algorithms": [self._signed.algorithm],
            "public_key_file": str(self._signed.public_key),
            "issuer": "benchmark",
            "audience": "api",
        }
        return {
            **plain,
            "auth": {"jwt": {"default": verifier}},
            "routes": [{**route, "auth": {"type": "jwt"}} for route in plain["routes"]],
        }


class VerifyingEnvoy(Envoy):
    """Envoy with `jwt_authn`, which keeps no results.

    Args:
        signed: The tokens.
    """

    def __init__(self, signed: Signed) -> None:
        self.name = f"envoy+{signed.algorithm}"
        self.does = f"as envoy, with jwt_authn ({signed.algorithm}) without a cache"
        self._signed = signed

    def configuration(self, task: Task) -> dict[str, Any]:
        """Add the filter."""
        plain = super().configuration(task)
        (filter_,) = plain["static_resources"]["listeners"][0]["filter_chains"][0]["filters"]
        manager = filter_["typed_config"]
        manager["http_filters"] = [jwt_filter(self._signed.jwk), *manager["http_filters"]]
        return plain


class Keyed(Gateway):
    """The gateway with API keys in Redis.

    Args:
        gateway: As which it is run.
        redis: The section of the configuration that names the server.
    """

    def __init__(self, gateway: Gateway, redis: dict[str, Any]) -> None:
        super().__init__(f"{gateway.name}+keys", gateway.checkout)
        self.does = f"as {gateway.name}, with API keys in Redis; results kept, 10,000 at most"
        self._redis = redis

    def configuration(self, task: Task) -> dict[str, Any]:
        """Add the store."""
        plain = configuration(task)
        return {
            **plain,
            # What is asked is how much it costs: a machine that is busy must not turn late answers into failures.
            "redis": {**self._redis, "timeout": "5s"},
            "auth": {"api_keys": {"store": "redis"}},
            "routes": [{**route, "auth": {"type": "api_key"}} for route in plain["routes"]],
        }
