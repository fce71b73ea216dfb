"""What a location does with the requests that it passes on: where to, with which path and fields, and how often.

Of `gateway.importing.nginx`: reads `proxy_pass`, `rewrite`, `proxy_set_header` and the times.

Tests: `tests/importing/nginx/test_passing.py`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from gateway.importing.nginx import expressions, values
from gateway.importing.nginx.locations import EXACT, Location
from gateway.importing.nginx.reading import Directive
from gateway.importing.nginx.scope import Scope
from gateway.importing.nginx.upstreams import Leave

_TARGET: Final = re.compile(r"(?P<scheme>https?|grpcs?)://(?P<at>unix:[^:]+|[^/]+):?(?P<uri>/.*)?\Z", re.DOTALL)
_SCHEMES: Final = {"grpc": "h2c", "grpcs": "https"}

_OURS: Final = {
    "x-forwarded-for": ("$proxy_add_x_forwarded_for", "$remote_addr"),
    "x-real-ip": ("$remote_addr",),
    "x-forwarded-proto": ("$scheme",),
    "x-forwarded-host": ("$host", "$http_host"),
    "x-request-id": ("$request_id",),
    "upgrade": ("$http_upgrade",),
    "connection": ("", "upgrade", "Upgrade", "close", "keep-alive", "$connection_upgrade", "$http_connection"),
}
"""Fields that the gateway writes itself, with the values by which nginx writes the same."""

_RETRIED: Final[dict[str, list[str | int]]] = {
    "error": ["connect", "refused", "reset"],
    "timeout": ["timeout"],
    **{f"http_{status}": [status] for status in (403, 404, 429, 500, 502, 503, 504)},
}


class Target(NamedTuple):
    """Where a `proxy_pass` leads.

    Attributes:
        scheme: `http`, `https` or `h2c`.
        at: The name of a group, or host and port, or `unix:PATH`.
        uri: What takes the place of the location's path; None where the path goes on as it came.
    """

    scheme: str
    at: str
    uri: str | None


def target(written: str) -> Target | None:
    """Read what stands behind `proxy_pass` or `grpc_pass`; None where there are variables in it."""
    if "://" not in written and "$" not in written:  # `grpc_pass app:50051`
        written = f"grpc://{written}"
    match = _TARGET.fullmatch(written)
    if match is None or "$" in written:
        return None
    return Target(_SCHEMES.get(match["scheme"], match["scheme"]), match["at"], match["uri"])


def path_change(location: Location, uri: str | None) -> dict[str, Any]:
    """Return the change of the path that a `proxy_pass` with a path makes, as `transformations.request.path` has it."""
    if uri is None or location.is_expression or uri == location.path:
        return {}
    if location.modifier == EXACT:
        return {"replace": {"pattern": "^.*$", "with": _escaped(uri)}}
    if location.path.endswith("/") and uri.endswith("/"):
        found = {"strip_prefix": location.path[:-1], "add_prefix": uri[:-1]}
        return {key: value for key, value in found.items() if value}
    return {"replace": {"pattern": f"^{re.escape(location.path)}", "with": _escaped(uri)}}


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\")


def rewritten(words: tuple[str, ...]) -> dict[str, Any]:
    """Return the change of the path that a `rewrite` makes.

    nginx puts the replacement in the place of the whole path, however little of it the expression takes.

    Raises:
        ValueError: It cannot be said here.
    """
    pattern, replacement, *_ = words
    if "?" in replacement or "$" in re.sub(r"\$[0-9]", "", replacement):
        raise ValueError("the replacement has a query or a variable")
    whole = expressions.whole(pattern)
    with_ = re.sub(r"\$([0-9])", r"\\\1", _escaped(replacement))
    return {"replace": {"pattern": f"^{whole}$", "with": with_}}


class Fields(NamedTuple):
    """What a backend gets in fields.

    Attributes:
        host: As `host_header` of an upstream has it; None for the name that nginx has for it, `$proxy_host`.
    """

    host: str | None
    put: dict[str, str]
    removed: list[str]


def fields(scope: Scope, constants: Mapping[str, str], leave: Leave) -> Fields:
    """Read the `proxy_set_header`s that hold in a scope."""
    host: str | None = None
    put: dict[str, str] = {}
    removed: list[str] = []
    for each in scope.level("proxy_set_header", "grpc_set_header"):
        name, value = each.words[0], each.words[1] if len(each.words) > 1 else ""
        lower = name.lower()
        if lower == "host":
            host = _host(each, value, leave)
        elif lower in _OURS:
            if value not in _OURS[lower]:
                leave(each, f"the gateway writes {name} itself: see `forwarded` and `trusted_proxies`")
        elif not value:
            removed.append(name)
        else:
            try:
                put[name] = values.text(value, dict(constants))
            except values.Unsayable as error:
                leave(each, f"`{error}` has no runtime name here")
    return Fields(host, put, removed)


def _host(each: Directive, value: str, leave: Leave) -> str | None:
    if value in ("$host", "$http_host", "$host:$server_port", "$http_host:$server_port"):
        return "client"
    if value == "$proxy_host":
        return None
    if "$" in value:
        leave(each, "`host_header` takes `client`, `backend` or a name: here it is the client's")
        return "client"
    return value


def retry(scope: Scope, servers: int, leave: Leave) -> dict[str, Any] | None:
    """Return when a request goes to another server; None where it does not.

    Args:
        scope: Where the request is.
        servers: How many there are; nginx tries each once unless it is told otherwise.
        leave: Is told what has no counterpart.
    """
    on: list[str | int] = [*_RETRIED["error"], *_RETRIED["timeout"]]
    said = scope.one("proxy_next_upstream")
    if said is not None:
        on = []
        for word in said.words:
            if word in _RETRIED:
                on += _RETRIED[word]
            elif word == "off":
                scope.one("proxy_next_upstream_tries")
                return None
            elif word == "non_idempotent":
                leave(
                    said,
                    "`non_idempotent`: a POST of which something was sent is not sent again",
                    "see `retry.idempotency_key`",
                )
            else:
                leave(said, f"`{word}` is no reason for another attempt here")
    tries = int(scope.text("proxy_next_upstream_tries", "0")) or servers
    attempts = min(tries, servers) - 1
    return {"attempts": min(attempts, 10), "on": on} if attempts > 0 and on else None


def time_for_answer(scope: Scope) -> str | None:
    """Return how long a backend may be silent, where that is said."""
    said = scope.text("proxy_read_timeout") or scope.text("grpc_read_timeout")
    return values.duration(said) if said else None
