"""What somebody probably meant by a key that is none at its place: the end of a message about it."""

from __future__ import annotations

from functools import cache

from gateway.config import catalog
from gateway.config.problems import suggestion
from gateway.config.schema import Settings
from gateway.config.schema.base import Section

ELSEWHERE: dict[str, str | tuple[str, ...]] = {
    "hosts": "host", "server_name": "host", "domain": "host", "domains": "host", "authority": "host",
    "paths": "path", "location": "path", "to": "path", "uri": "path", "uris": "path", "prefix": "path", "match": "path",
    "method": "methods", "verbs": "methods",
    "proxy_pass": "upstream", "backend": "upstream", "cluster": "upstream", "proxy": "upstream",  # nosec B105 - keys
    "services": "upstreams", "clusters": "upstreams", "backends": "upstreams",
    "servers": "backends", "server": "backends", "targets": "backends", "nodes": "backends", "endpoints": "backends",
    "address": ("url", "endpoint"), "target": ("url", "path"), "url": ("backends", "path"),
    "lb_policy": "strategy", "algorithm": "strategy", "load_balancing": "strategy", "load_balancer": "strategy",
    "balance": "strategy", "balancer": "strategy",
    "locations": "routes", "routers": "routes", "rules": "routes", "virtual_hosts": "routes",
    "listen": ("listeners", "endpoint"), "port": ("listeners", "endpoint", "url"), "bind": ("listeners", "endpoint"),
    "ports": "listeners", "entrypoints": "listeners", "host": ("endpoint", "url"),
    "return": "redirect", "rewrite": "redirect", "error_page": "error_pages", "errors": "error_pages",
    "direct_response": "respond", "request_termination": "respond", "static_response": "respond", "static": "respond",
    "code": "status", "status_code": "status", "permanent": "status", "return_code": "status",
    "text": "body", "content": "body", "type": "content_type", "mime_type": "content_type",
    "limit_req": "rate_limit", "rate_limiting": "rate_limit", "throttle": "rate_limit",
    "retries": "retry", "proxy_next_upstream": "retry", "proxy_read_timeout": "timeout", "read_timeout": "timeout",
    "client_max_body_size": "request_body", "allow": "ip_allow", "deny": "ip_deny",
    "healthcheck": "health_check", "healthchecks": "health_check", "health_checks": "health_check",
    "proxy_cache": "cache", "proxy_cache_path": "cache", "http_cache": "cache", "response_cache": "cache",
    "caching": "cache", "proxy_cache_valid": "ttl", "cache_ttl": "ttl", "max_age": "ttl", "expiry": "ttl",
    "default_ttl": "ttl", "maxexpiry": "ttl", "proxy_cache_key": ("vary", "cache"), "vary_headers": "vary",
    "cache_key": ("vary", "cache"), "allowed_vary_headers": "vary", "vary_query_params": "query",
    "proxy_cache_use_stale": ("stale_if_error", "cache"), "stale": "stale_while_revalidate",
    "proxy_cache_background_update": ("stale_while_revalidate", "cache"), "proxy_cache_lock": ("coalesce", "cache"),
    "proxy_cache_methods": ("methods", "cache"), "request_method": "methods", "max_body_bytes": "max_entry",
    "surrogate_key": "tags", "add_status_header": "status", "addstatusheader": "status",
    "outlier_detection": "passive_health", "certificate": "endpoint", "tls_certificate": "endpoint",
}  # fmt: skip
"""Words of other gateways, and ours; of those that a word leads to, the first counts that its place has as a key."""

_PLACES = 3


def key(written: str, section: type[Section]) -> str:
    """Say which key of a section was meant: the nearest, that of another gateway's word, or where it is a key."""
    known = catalog.known(section)
    near = suggestion(written, known) or suggestion(written.lower(), known)
    if near and _folded(written) in map(_folded, known):
        return near
    others = ELSEWHERE.get(written.lower(), ())
    for other in (others,) if isinstance(others, str) else others:
        if other in known:
            return f", did you mean `{other}`?"
    places = [path for path, other in _places().get(written, ()) if other is not section]
    if places and not suggestion(written, known, 0.8):
        more = " and others" if len(places) > _PLACES else ""
        return f"; it is one at {', '.join(f'`{place}`' for place in places[:_PLACES])}{more}"
    return near or f"; known here: {', '.join(known)}"


@cache
def _places() -> dict[str, list[tuple[str, type[Section]]]]:
    """Return where each key is one; made with the first wrong key: it takes some 10 ms."""
    found: dict[str, list[tuple[str, type[Section]]]] = {}
    for one in catalog.walk(Settings):
        found.setdefault(one.name, []).append((one.path, one.section))
    return found


def _folded(word: str) -> str:
    return word.lower().replace("-", "").replace("_", "")
