"""HTTP filters of an Envoy's connection manager: who is let in, and how often.

Of `gateway.importing.envoy`. What protects routes and cannot be carried over closes them (D-552).

Tests: `tests/importing/envoy/test_kind.py::test_tokens`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from gateway.importing.draft import Data, Draft
from gateway.importing.envoy.clusters import duration
from gateway.importing.parts import Part

_PREFIX: Final = "envoy.filters.http."
_PROTECTS: Final = frozenset(
    ("ext_authz", "rbac", "basic_auth", "oauth2", "api_key_auth", "jwt_authn", "lua", "wasm", "ext_proc")
)
_NEEDLESS: Final = frozenset({"router", "health_check", "grpc_stats", "buffer", "set_metadata"})
_EVERYBODY: Final = ("0.0.0.0/0", "::/0")


@dataclass
class Filters:
    """What the filters of a listener come to.

    Attributes:
        rules: Beginnings of paths, each with the `auth` of the routes below; None for none.
        closed: Whether nobody may be let in.
        limit: A `rate_limit` for the routes.
        compression: What is compressed.
        grpc_web: Whether pages may make calls of gRPC.
    """

    rules: list[tuple[str, Data | None]] = field(default_factory=list)
    closed: bool = False
    limit: Data | None = None
    compression: Data | None = None
    grpc_web: bool = False

    def keys(self, path: str) -> Data:
        """Return the keys of a route that follow.

        Args:
            path: A path that the route is for.
        """
        found: Data = {}
        if self.closed:
            found["ip_deny"] = list(_EVERYBODY)
        auth = next((auth for prefix, auth in self.rules if path.startswith(prefix)), None)
        if auth is not None:
            found["auth"] = dict(auth)
        if self.limit is not None:
            found["rate_limit"] = dict(self.limit)
        if self.compression is not None:
            found["compression"] = dict(self.compression)
        if self.grpc_web:
            found["grpc_web"] = True
        return found


def filters(manager: Part, draft: Draft) -> Filters:
    """Read the filters of a connection manager."""
    found = Filters()
    for one in manager.each("http_filters"):
        name = (one.text("name") or "").removeprefix(_PREFIX)
        config = one.get("typed_config")
        kind = (config.text("@type") or "") if config is not None else ""
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
        else:
            draft.leave(one, f"the filter {name} has no counterpart")
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
        prefix = rule.text("match", "prefix") or rule.text("match", "path")
        provider_name = rule.text("requires", "provider_name")
        open_ = rule.get("requires") is None
        if prefix is None or (provider_name not in verifiers and not open_):
            found.closed = True
            instead = "write `auth` of the routes, and take `ip_deny` out"
            draft.leave(rule, "a rule of this form: routes let nobody in", instead)
        else:
            found.rules.append((prefix, None if open_ else {"type": "jwt", "verifier": provider_name}))


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
