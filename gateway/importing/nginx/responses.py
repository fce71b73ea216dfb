"""What a location does with answers: fields, compression, what is kept of them.

Of `gateway.importing.nginx`: reads `add_header`, `proxy_hide_header`, `gzip` and `proxy_cache`.

Tests: `tests/importing/nginx/test_responses.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from gateway.importing.nginx import values
from gateway.importing.nginx.scope import Scope
from gateway.importing.nginx.upstreams import Leave

_HEADERS_WE_MAKE: Final = ("$upstream_cache_status",)
_USUAL_KEYS: Final = frozenset(
    {"$scheme$proxy_host$request_uri", "$scheme$host$request_uri", "$host$request_uri", "$proxy_host$request_uri"}
)


def fields(scope: Scope, constants: Mapping[str, str], leave: Leave) -> dict[str, Any]:
    """Return the changes of an answer's fields, as `transformations.response` has them."""
    added: dict[str, str] = {}
    removed = [each.words[0] for each in scope.level("proxy_hide_header", "grpc_hide_header") if each.words]
    scope.level("proxy_pass_header")
    for each in scope.level("add_header"):
        if len(each.words) < 2 or not each.words[1]:
            continue
        name, value = each.words[0], each.words[1]
        if value in _HEADERS_WE_MAKE:
            leave(each, "`Cache-Status` (RFC 9211) says what the cache did")
        elif name in added:
            leave(each, f"a second field {name}: write both values in one, with a comma between them")
        else:
            try:
                added[name] = values.text(value, dict(constants))
            except values.Unsayable as error:
                leave(each, f"`{error}` has no runtime name here")
    found: dict[str, Any] = {}
    if removed:
        found["remove_headers"] = removed
    if added:
        found["add_headers"] = added
    return found


def compression(scope: Scope) -> dict[str, Any] | None:
    """Return what `gzip on` compresses; None where it is off."""
    if not scope.is_on("gzip"):
        return None
    found: dict[str, Any] = {"algorithms": ["gzip"]}
    least = scope.text("gzip_min_length", "20")
    found["min_size"] = values.size(least)
    types = scope.one("gzip_types")
    kinds = ["text/html", *(word for word in (types.words if types else ()) if word != "text/html")]
    found["types"] = ["text/*", "application/*", "image/svg+xml"] if "*" in kinds else list(dict.fromkeys(kinds))
    return found


def cache(scope: Scope, leave: Leave) -> dict[str, Any] | None:
    """Return what `proxy_cache` keeps; None where it is off."""
    zone = scope.one("proxy_cache")
    if zone is None or not zone.words or zone.words[0] == "off":
        return None
    found: dict[str, Any] = {}
    for each in scope.level("proxy_cache_valid"):
        *statuses, time = each.words
        if not statuses or "200" in statuses or "any" in statuses:
            found["ttl"] = values.duration(time)
        if statuses and statuses != ["200"]:
            leave(each, "`ttl` is for every answer that says nothing about freshness, and may be kept by RFC 9111")
    stale = scope.one("proxy_cache_use_stale")
    if stale is not None and stale.words[0] != "off":
        if {"error", "timeout"} & set(stale.words) or any(word.startswith("http_5") for word in stale.words):
            found["stale_if_error"] = "1h"
        if "updating" in stale.words:
            found["stale_while_revalidate"] = "1m"
        leave(stale, "nginx has no bound for how stale an answer may be; here it is the time that is written")
    key = scope.one("proxy_cache_key")
    if key is not None and "".join(key.words) not in _USUAL_KEYS:
        leave(key, "the key is scheme, host, path and query, beside `vary`; `query` says which parameters count")
    for name in ("proxy_cache_lock", "proxy_cache_revalidate", "proxy_cache_background_update"):
        scope.one(name)
    return found
