"""Groups of servers of nginx as upstreams.

Of `gateway.importing.nginx`. A group becomes an upstream for each `Host` that it is asked with: here the upstream says
what a backend sees as `Host`, in nginx the location does.

Tests: `tests/importing/nginx/test_upstreams.py`.
"""

from __future__ import annotations

import re
from typing import Any, Final, Protocol

from gateway.importing.nginx import values
from gateway.importing.nginx.reading import Directive

_KEYS: Final = {
    "$remote_addr": "ip",
    "$binary_remote_addr": "ip",
    "$request_uri": "path",
    "$uri": "path",
}
_STRATEGIES: Final = {"least_conn": "least_connections", "ip_hash": "ip_hash"}
NEEDLESS: Final = frozenset({"zone", "ntlm"})
"""Directives of a group that say how nginx does what is done here by itself."""


class Leave(Protocol):
    """Lists a directive that was not carried over, or not wholly: why, and what to do instead."""

    def __call__(self, part: Directive, why: str, instead: str = "") -> None: ...


def group(block: Directive, scheme: str, leave: Leave) -> dict[str, Any]:
    """Return what an `upstream` block says, as our keys but for `name` and `host_header`.

    Args:
        block: The directive.
        scheme: What its servers are asked by: `http`, `https` or `h2c`.
        leave: Is told what has no counterpart.
    """
    servers = block.all("server")
    backends = [_backend(each, scheme, leave) for each in servers]
    found: dict[str, Any] = {}
    strategy = _strategy(block, leave)
    if any("weight" in each for each in backends) and not strategy:
        strategy = {"strategy": "weighted_round_robin"}
    found |= strategy
    found["backends"] = backends
    if len(backends) > 1:
        found |= _ejection(servers, leave)
    pool = _pool(block, servers, leave)
    if pool:
        found["pool"] = pool
    for name in NEEDLESS:
        block.all(name)
    return found


def single(authority: str, scheme: str) -> dict[str, Any]:
    """Return an upstream with the one server that a `proxy_pass` names."""
    return {"backends": [{"url": _url(authority, scheme)}]}


def _url(address: str, scheme: str) -> str:
    if address.startswith("unix:"):
        return address.removesuffix(":")
    return f"{scheme}://{address}"


def _backend(server: Directive, scheme: str, leave: Leave) -> dict[str, Any]:
    address, *options = server.words or ("",)
    # A server of a group without a port is asked at port 80, whatever the scheme is.
    if scheme == "https" and not address.startswith("unix:") and not re.search(r":[0-9]+\Z", address):
        address = f"{address}:80"
    found: dict[str, Any] = {"url": _url(address, scheme)}
    for option in options:
        name, _, value = option.partition("=")
        if name == "weight" and value.isdecimal():
            found["weight"] = int(value)
        elif name == "down":
            found["weight"] = 0
        elif name == "backup":
            found["backup"] = True
        elif name not in ("max_fails", "fail_timeout", "max_conns", "resolve", "slow_start"):
            leave(server, f"`{option}` has no counterpart: look it up, and leave it out or find another way")
    return found


def _options(servers: list[Directive], name: str, default: str) -> list[str]:
    return [
        next((word.partition("=")[2] for word in each.words[1:] if word.startswith(f"{name}=")), default)
        for each in servers
    ]


def _ejection(servers: list[Directive], leave: Leave) -> dict[str, Any]:
    """Return what nginx does with a server that fails: after one failure it is left out for ten seconds."""
    fails, times = _options(servers, "max_fails", "1"), _options(servers, "fail_timeout", "10s")
    if fails[0] == "0" and len(set(fails)) == 1:
        return {}
    if len(set(fails)) > 1 or len(set(times)) > 1:
        leave(
            servers[0],
            "`max_fails` and `fail_timeout` differ from server to server: here those of the first hold for all",
        )
    failures = fails[0] if fails[0].isdecimal() and fails[0] != "0" else "1"
    window = values.duration(times[0])
    ejection = {"failures": int(failures), "window": window, "eject": window, "max_ejected_percent": 100}
    return {"passive_health": ejection, "panic_threshold": 0}


def _strategy(block: Directive, leave: Leave) -> dict[str, Any]:
    for name, strategy in _STRATEGIES.items():
        if block.all(name):
            return {"strategy": strategy}
    for each in block.all("random"):
        return {"strategy": "least_latency" if "two" in each.words else "random"}
    for each in block.all("hash"):
        key = hash_key(each.words[0] if each.words else "")
        if key is None:
            leave(
                each, "`hash_on` takes `ip`, `path`, a field or a cookie; the servers take turns until you choose one"
            )
            return {}
        return {"strategy": "consistent_hash", "hash_on": key}
    return {}


def hash_key(written: str) -> str | None:
    """Return what a variable of nginx is for `hash_on`; None where it has no counterpart."""
    name = re.sub(r"\$\{([a-z0-9_]+)\}", r"$\1", written)
    if name in _KEYS:
        return _KEYS[name]
    match = re.fullmatch(r"\$(http|cookie)_([A-Za-z0-9_]+)", name)
    if match is None:
        return None
    return f"cookie:{match[2]}" if match[1] == "cookie" else f"header:{values.field_name(match[2])}"


def _pool(block: Directive, servers: list[Directive], leave: Leave) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for each in block.all("keepalive"):
        found["max_idle"] = int(each.words[0])
    for each in block.all("keepalive_timeout"):
        found["idle_timeout"] = values.duration(each.words[0])
    for each in block.all("keepalive_time"):
        found["max_age"] = values.duration(each.words[0])
    most = _options(servers, "max_conns", "0")
    if set(most) != {"0"}:
        if len(set(most)) > 1:
            leave(servers[0], "`max_conns` differs from server to server: here the least holds for all")
        found["max_connections"] = min(int(one) for one in most if one != "0")
    return found
