"""HTTP filters of an Envoy's connection manager: who is let in, and how often.

Of `gateway.importing.envoy`. What protects routes and cannot be carried over closes them (D-552).

Tests: `tests/importing/envoy/test_kind.py::test_tokens`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from gateway.importing.closing import MAY_PROTECT, NOBODY, NOT_NEEDED
from gateway.importing.draft import Data, Draft
from gateway.importing.envoy.clusters import duration
from gateway.importing.parts import Part

_PREFIX: Final = "envoy.filters.http."
_PROTECTS: Final = frozenset(
    ("ext_authz", "rbac", "basic_auth", "oauth2", "api_key_auth", "jwt_authn", "lua", "wasm", "ext_proc")
)
_NEEDLESS: Final = frozenset({"router", "health_check", "grpc_stats", "buffer", "set_metadata"})
_HARMLESS: Final = frozenset(
    [
        "adaptive_concurrency", "admission_control", "alternate_protocols_cache", "bandwidth_limit", "cache",
        "connect_grpc_bridge", "custom_response", "decompressor", "dynamic_forward_proxy", "fault",
        "grpc_http1_bridge", "grpc_http1_reverse_bridge", "grpc_json_transcoder", "header_mutation",
        "header_to_metadata", "ip_tagging", "json_to_metadata", "kill_request", "on_demand", "original_src",
        "ratelimit", "rate_limit_quota", "stateful_session", "tap", "upstream_codec",
    ]
)  # fmt: skip
"""Filters that are not carried over and protect nothing; any other that is not known closes its routes (D-630)."""

_KIND: Final = re.compile(r"\.filters\.http\.([a-z0-9_]+)\.v[0-9]")
"""What a filter is, in its type; its name may be any."""


class Rule(NamedTuple):
    """For which paths a rule is, and what it asks for.

    Attributes:
        path: The beginning of paths, or the path alone.
        exact: Whether it is that path alone.
        auth: Of the routes; None for none.
    """

    path: str
    exact: bool
    auth: Data | None


@dataclass
class Filters:
    """What the filters of a listener come to.

    Attributes:
        rules: For which paths which `auth` is asked, in their order.
        closed: Whether nobody may be let in.
        limit: A `rate_limit` for the routes.
        compression: What is compressed.
        grpc_web: Whether pages may make calls of gRPC.
    """

    rules: list[Rule] = field(default_factory=list)
    closed: bool = False
    limit: Data | None = None
    compression: Data | None = None
    grpc_web: bool = False

    def keys(self, start: str, *, exact: bool) -> Data:
        """Return the keys of a route that follow.

        Args:
            start: What the paths of the route begin with; empty where that is not known.
            exact: Whether it is for this path alone.
        """
        found: Data = {}
        asked = self._asked(start, exact)
        # The rules for the paths of one route may differ. Where only some ask for a token, all its paths do here; where
        # they ask for different tokens, the route is closed.
        ways = [auth for auth in asked if auth is not None]
        if self.closed or any(auth != ways[0] for auth in ways):
            found["ip_deny"] = list(NOBODY)
        elif ways:
            found["auth"] = dict(ways[0])
        if self.limit is not None:
            found["rate_limit"] = dict(self.limit)
        if self.compression is not None:
            found["compression"] = dict(self.compression)
        if self.grpc_web:
            found["grpc_web"] = True
        return found

    def _asked(self, start: str, exact: bool) -> list[Data | None]:
        """Return what is asked of requests for any of some paths: the first rule that fits a path counts."""
        found: list[Data | None] = []
        for rule in self.rules:
            if (exact and start == rule.path) if rule.exact else start.startswith(rule.path):
                return [*found, rule.auth]
            if not exact and rule.path.startswith(start):
                found.append(rule.auth)
        return [*found, None]


def filters(manager: Part, draft: Draft) -> Filters:
    """Read the filters of a connection manager."""
    found = Filters()
    for one in manager.each("http_filters"):
        name = (one.text("name") or "").removeprefix(_PREFIX)
        config = one.get("typed_config")
        kind = (config.text("@type") or "") if config is not None else ""
        if (typed := _KIND.search(kind)) is not None:
            name = typed[1]
        if config is not None and kind.endswith("JwtAuthentication"):
            _tokens(config, found, draft)
        elif config is not None and kind.endswith("LocalRateLimit"):
            _limit(config, found, draft)
        elif kind.endswith("GrpcWeb"):
            found.grpc_web = True
        elif kind.endswith("Compressor") and config is not None:
            found.compression = {}
            draft.pass_over(one, "typed_config")
        elif name in _NEEDLESS or kind.endswith("Cors"):
            draft.pass_over(one, "typed_config")
        elif name in _PROTECTS:
            found.closed = True
            why = f"{name} may protect what is behind it: its routes let nobody in"
            draft.leave(one, why, "protect them, and take `ip_deny` out")
        elif name in _HARMLESS:
            draft.leave(one, f"the filter {name} has no counterpart")
        else:
            found.closed = True
            draft.leave(one, f"the filter {name} has no counterpart, {MAY_PROTECT}", NOT_NEEDED)
    return found


def _tokens(config: Part, found: Filters, draft: Draft) -> None:
    verifiers = draft.section("auth", "jwt")
    for name, provider in config.entries("providers"):
        keys: Data = {"algorithms": ["RS256", "ES256"]}
        if (issuer := provider.text("issuer")) is not None:
            keys["issuer"] = issuer
        if audiences := provider.texts("audiences"):
            keys["audience"] = audiences
        if (uri := provider.text("remote_jwks", "http_uri", "uri")) is not None:
            keys["jwks_url"] = uri
            draft.pass_over(provider.get("remote_jwks") or provider, "http_uri", "cache_duration", "async_fetch")
        elif (local := provider.get("local_jwks")) is not None:
            instead = "write `jwks_url` or `public_key_file`"
            draft.leave(local, "key sets are published, or keys are in PEM files", instead)
            keys["public_key_file"] = f"{name}.pem"
        told = provider.each("claim_to_headers")
        claims = {one.text("header_name") or "": one.text("claim_name") or "" for one in told}
        if claims:
            keys["claim_headers"] = claims
        draft.pass_over(provider, "forward_payload_header", "payload_in_metadata")
        draft.only(provider, "forward", False, "no backend sees the token", "see `auth.forward_credentials`")
        verifiers[name] = keys
    for rule in config.each("rules"):
        prefix, path = rule.text("match", "prefix"), rule.text("match", "path")
        provider_name = rule.text("requires", "provider_name")
        open_ = rule.get("requires") is None
        said = rule.get("match")
        plain = {*rule.names()} <= {"match", "requires"} and said is not None and len(said.names()) == 1
        wanted = prefix if prefix is not None else path
        if wanted is None or not plain or (provider_name not in verifiers and not open_):
            found.closed = True
            instead = "write `auth` of the routes, and take `ip_deny` out"
            draft.leave(rule, "a rule of this form: routes let nobody in", instead)
        else:
            auth = None if open_ else {"type": "jwt", "verifier": provider_name}
            found.rules.append(Rule(wanted, prefix is None, auth))
            draft.remark("A route asks all its requests for the token that a rule asks some of them for.")
    if (named := config.get("requirement_map")) is not None:
        found.closed = True
        draft.leave(named, "routes name what they ask for: they let nobody in", "write `auth` of the routes")


def _limit(config: Part, found: Filters, draft: Draft) -> None:
    bucket = config.get("token_bucket")
    if bucket is None:
        draft.leave(config, "a limit without a bucket is one of routes, which are not read")
        return
    most = bucket.whole("max_tokens") or 1
    found.limit = {
        "limit": bucket.whole("tokens_per_fill") or 1,
        "window": duration(bucket, "fill_interval") or "1s",
        "burst": most,
        "scope": "route",
    }
    draft.pass_over(config, "stat_prefix", "filter_enabled")
    enforced = config.number("filter_enforced", "default_value", "numerator")
    if enforced == 0 or config.get("filter_enforced") is None:
        found.limit["dry_run"] = True
    draft.pass_over(config, "filter_enforced")
    draft.remark("The bucket of a filter is for all routes of its listener together; here each route has one.")
