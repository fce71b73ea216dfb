"""An example of every key, for the JSON Schema: what an editor shows beside what the key means.

Written down where neither the key's choices nor its default show what one writes. The table is read by
`gateway.config.jsonschema` alone, so that a gateway that starts does not load it (D-591).

Tests: `tests/config/test_examples.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from gateway.config import units

_SECRET_HASH: Final = (
    "$argon2id$v=19$m=65536,t=3,p=4"  # noqa: S105 - of a secret that opens nothing
    "$bm9ib2R5J3Mgc2VjcmV0Lg$BvYxi+WiPZTv1BWuqviudyh43uYJfbPKKSJ0FJWUxXw"
)
"""Of nobody's secret: `gateway hash-secret` makes such."""

_ROUTE: Final = {
    "aggregate": {"parts": [{"name": "user", "path": "/users/7", "upstream": "users"}]},
    "auth": {"type": "jwt", "scopes": ["read"]},
    "cache": {"ttl": "1m"},
    "cors": {"allowed_origins": ["https://app.example.com"]},
    "error_pages": {"404": "pages/404.html", "5xx": "pages/sorry.html"},
    "headers": {"X-Version": "2"},
    "host": "api.example.com",
    "labels": {"team": "orders"},
    "listeners": ["public"],
    "mirror": {"upstream": "next"},
    "path": "/api/users/*",
    "plugins": ["stamp"],
    "query": {"version": "2"},
    "queue": {"size": 100},
    "rate_limit": {"requests": 100, "window": "1m", "scope": "user"},
    "redirect": {"path": "/new", "status": 308},
    "respond": {"status": 200, "body": "hello"},
    "transformations": {"request": {"path": {"strip_prefix": "/api"}}},
    "upstream": "users",
    "upstreams": [{"name": "stable", "weight": 9}, {"name": "next", "weight": 1}],
}

_BY_SECTION: Final[Mapping[str, Mapping[str, Any]]] = {
    "": {
        "auth": {"jwt": {"default": {"algorithms": ["RS256"], "jwks_url": "https://issuer.example.com/jwks.json"}}},
        "error_pages": _ROUTE["error_pages"],
        "groups": {"api": {"timeout": "10s"}},
        "listeners": [{"name": "public", "endpoint": "tcp:8080"}],
        "log_shipping": {"format": "loki", "url": "http://loki:3100"},
        "plugins": [{"name": "stamp", "class": "our_stamp:OurStamp"}],
        "rate_limits": [{"endpoint": "/api/*", "scope": "ip", "requests": 1000, "window": "1m"}],
        "routes": [{"name": "users", "path": "/api/users/*", "upstream": "users"}],
        "tests": [{"request": "http://localhost:8080/api/users/7", "expect": {"status": 200}}],
        "upstreams": [{"name": "users", "backends": [{"url": "http://127.0.0.1:9001"}]}],
    },
    "Route": _ROUTE,
    "SharedRoute": _ROUTE,
    "AuthMethod": {"type": "jwt"},
    "BodyChanges": {"add": {"source": "gateway"}, "remove": ["user.password"], "rename": {"user.id": "user.key"}},
    "CaseRequest": {"body": {"name": "Ada"}, "headers": {"Accept": "application/json"}},
    "Default": {"default": {"items": []}},
    "Defaults": {"route": {"timeout": "10s"}, "upstream": {"strategy": "least_connections"}},
    "Discovery": {"name": "users.internal", "path": "members.yaml", "port": 8080, "type": "dns"},
    "Expected": {"body": {"name": "~^A"}, "route": "users", "status": 200},
    "ExpectedRequest": {"headers": {"X-User-ID": "u1", "Authorization": None}, "path": "/users/7"},
    "Fallback": {"body": "later, please"},
    "Given": {
        "backends": {"users": {"status": 200, "body": {"name": "Ada"}}},
        "claims": {"sub": "u1", "scope": "read"},
    },
    "GivenAnswer": {"body": {"name": "Ada"}},
    "HealthCheck": {
        "expected_status": [200, "300-399"],
        "headers": {"Host": "users.internal"},
        "port": 8081,
        "service": "users.Users",
    },
    "Listener": {"endpoint": "tcp:8080", "name": "public"},
    "LogShipping": {"labels": {"environment": "production"}},
    "MatchedRateLimit": {"endpoint": "/api/*", "path": "/api/*"},
    "Metrics": {"labels": {"environment": "production"}},
    "Mtls": {"clients": [{"name": "CN=orders", "roles": ["service"]}]},
    "MtlsClient": {"name": "CN=orders"},
    "OAuth": {
        "audience": "api",
        "clients": [{"id": "orders", "secret_hash": _SECRET_HASH}],
        "issuer": "https://api.example.com",
    },
    "Part": {"name": "user", "path": "/users/7"},
    "Plugin": {"name": "stamp"},
    "QueryChanges": {"add": {"source": "gateway"}, "remove": ["debug"]},
    "Redirect": {"host": "www.example.com", "path": "/new", "port": 443, "scheme": "https"},
    "ResponseChanges": {"status": {"404": 410}},
    "Tracing": {"endpoint": "http://127.0.0.1:4318", "headers": {"Authorization": "Bearer ${TOKEN}"}},
    "Upstream": {"backends": [{"url": "http://127.0.0.1:9001"}], "name": "users"},
}
"""By section, as the schema calls it (the top level has no name), and key."""

_BY_KEY: Final[Mapping[str, Any]] = {
    "adaptive_concurrency": {"max_limit": 200},
    "add_headers": {"X-Forwarded-By": "gateway"},
    "add_prefix": "/v2",
    "all_of": ["mtls", "jwt"],
    "allowed_headers": ["X-Request-ID"],
    "allowed_origins": ["https://app.example.com"],
    "any_of": ["jwt", "api_key"],
    "api_keys": {"store": "redis"},
    "attempts": 2,
    "audience": ["api"],
    "basic": {"users_file": "users.txt"},
    "body": "hello",
    "burst": 20,
    "ca": "ca.pem",
    "circuit_breaker": {"failure_threshold": 5},
    "claim_headers": {"X-Tenant": "tenant"},
    "class": "our_stamp:OurStamp",
    "client_cert": "client.pem",
    "client_cert_header": "Client-Cert",
    "client_id": "gateway",
    "client_key": "client.key",
    "client_secret": "${CLIENT_SECRET}",
    "command": ["/usr/local/bin/check", "--quick"],
    "compression": {"min_size": "1KiB"},
    "config": {"header": "X-Took"},
    "connect": {"host": "db", "dbname": "gateway"},
    "content_type": "application/json",
    "crl": ["revoked.pem"],
    "datacenter": "eu-1",
    "discovery": {"type": "dns", "name": "users.internal", "port": 8080},
    "discovery_cache": "members.json",
    "dry_run_header": True,
    "endpoint": "tcp:8080",
    "except": ["10.0.0.0/8"],
    "exclude_paths": ["/static/*"],
    "expect": {"status": 200},
    "expect_all": [{"status": 200}, {"status": 429}],
    "expected_body": "~^ok",
    "expected_headers": {"X-Ready": "*"},
    "expires": "2027-01-31",
    "exposed_headers": ["X-Request-ID"],
    "file": "pages/hello.html",
    "forward": {"default": {"url": "http://127.0.0.1:9100/auth"}},
    "group": "api",
    "hash": "sha256:" + 64 * "0",
    "headers": {"X-Version": "2"},
    "health_check": {"path": "/health", "interval": "5s"},
    "hedge": {"percentile": 95},
    "hosts": ["gateway.internal"],
    "id": "orders",
    "in_flight": 1000,
    "introspection": {"default": {"url": "https://issuer.example.com/introspect"}},
    "ip_allow": ["10.0.0.0/8"],
    "ip_deny": ["192.0.2.0/24"],
    "issuer": ["https://issuer.example.com"],
    "jwks_ca": "ca.pem",
    "jwks_url": "https://issuer.example.com/jwks.json",
    "jwt": {"default": {"algorithms": ["RS256"], "jwks_url": "https://issuer.example.com/jwks.json"}},
    "key": "${API_KEY}",
    "keys": [{"id": "orders", "hash": "sha256:" + 64 * "0"}],
    "levels": {"gateway.upstream": "debug"},
    "limit": 100,
    "listener": "public",
    "method": "GET",
    "methods": ["GET", "POST"],
    "mtls": {"clients": [{"name": "CN=orders", "roles": ["service"]}]},
    "min_status": 400,
    "name": "users",
    "oauth": {"issuer": "https://api.example.com", "audience": "api", "signing_key_file": "signing.pem"},
    "on_error": "continue",
    "origins": ["https://app.example.com"],
    "overlay": "changed.yaml",
    "override_ttl": "5m",
    "parts": [{"name": "user", "path": "/users/7", "upstream": "users"}],
    "passive_health": {"failures": 5},
    "password": "${PASSWORD}",
    "paths": {"forward": "normalized"},
    "pattern": "^/old/(.*)$",
    "pepper": "${PEPPER}",
    "per_try_timeout": "2s",
    "prefix": "/services/users/",
    "previous_key_files": ["signing-2025.pem"],
    "proxy_protocol": "v2",
    "public_key_file": "issuer.pem",
    "query": "page=2",
    "queue": {"size": 100},
    "rate": "10/s",
    "rate_limit_queue": {"size": 100},
    "reason": "auth.missing",
    "redis": {"url": "redis://127.0.0.1:6379/0"},
    "remove_headers": ["X-Internal"],
    "rename_headers": {"X-Old": "X-New"},
    "replace": {"pattern": "^/old/(.*)$", "with": r"/new/\1"},
    "request": "https://api.example.com/users/7",
    "request_body": "1MiB",
    "request_timeout": "1m",
    "requests": 100,
    "require": {"tenant": "acme"},
    "resolver": "127.0.0.1:53",
    "response_headers": ["X-User-ID"],
    "retry": {"attempts": 2},
    "roles": ["admin"],
    "scheme": "Bearer",
    "scopes": ["read"],
    "secret": "${SECRET}",
    "secret_hash": _SECRET_HASH,
    "sent": {"path": "/users/7"},
    "server_name": "users.internal",
    "service": "users",
    "set": {"source": "gateway"},
    "set_headers": {"X-Source": "gateway"},
    "signing_key_file": "signing.pem",
    "split_on": "user",
    "statsd": {"address": "127.0.0.1:8125"},
    "sticky": {"cookie": "backend"},
    "strip_prefix": "/api",
    "tag": "production",
    "tiers": {"claim.plan=pro": 1000},
    "timeout": "10s",
    "tls": {"ca": "ca.pem"},
    "token": "${ADMIN_TOKEN}",
    "token_file": "/run/secrets/token",
    "trusted_proxies": ["10.0.0.0/8"],
    "type": "jwt",
    "upstream": "users",
    "url": "http://127.0.0.1:9001",
    "user": "orders",
    "users_file": "users.txt",
    "vary": ["Accept-Language"],
    "with": r"/new/\1",
}
"""Of keys that mean much the same in every section that has them."""


def add_examples(schema: dict[str, Any]) -> None:
    """Give every key of a schema, made of the models, its example."""
    definitions: Mapping[str, Any] = schema["$defs"]
    for section, definition in (("", schema), *definitions.items()):
        for key, each in definition.get("properties", {}).items():
            each["examples"] = [_example(section, key, each, definitions)]


def _example(section: str, key: str, schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> Any:
    """Return what one may write: from the tables, or another than the default, or the default as one writes it."""
    written = _BY_SECTION.get(section, {})
    if key in written:
        return written[key]
    default = schema.get("default")
    if default in (None, [], {}, "", 0) and default is not False and key in _BY_KEY:
        return _BY_KEY[key]
    kinds = [schema, *schema.get("anyOf", ())]
    if isinstance(default, bool):
        return not default
    for kind in kinds:
        if "enum" in kind:
            return next(choice for choice in (*kind["enum"], default) if choice != default)
    for kind in kinds:
        if "$ref" in kind:
            return _of_section(kind["$ref"].rpartition("/")[2], definitions)
    if isinstance(default, int | float):
        return _in_units(default, kinds)
    return default


def _of_section(name: str, definitions: Mapping[str, Any]) -> Any:
    """Write a section by the keys that it must have, or else by its first."""
    definition = definitions[name]
    keys = definition.get("required") or list(definition["properties"])[:1]
    return {key: _example(name, key, definition["properties"][key], definitions) for key in keys}


def _in_units(default: float, kinds: list[Any]) -> Any:
    """Write a number as a duration or as a size, where it is one: the unit is what an example can show."""
    patterns = [kind.get("pattern", "") for kind in kinds]
    if any("(ms|s|m|h|d)" in pattern for pattern in patterns):
        return units.format_duration(default) if default else "10s"
    if any("[kKmMgGtT]" in pattern for pattern in patterns):
        return units.format_size(int(default)) if default else "1MiB"
    return default
