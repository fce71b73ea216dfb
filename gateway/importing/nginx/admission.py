"""Whom a location lets in, how often, and with how much: limits, addresses, names and passwords.

Of `gateway.importing.nginx`: reads `limit_req`, `allow` and `deny`, `auth_basic`, `client_max_body_size`.

Tests: `tests/importing/nginx/test_admission.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from ipaddress import ip_network
from typing import Any, Final, NamedTuple

from gateway.importing.nginx import values
from gateway.importing.nginx.reading import Directive
from gateway.importing.nginx.scope import Scope
from gateway.importing.nginx.upstreams import Leave

_RATE: Final = re.compile(r"([0-9]+)r/([sm])")
_SCOPES: Final = {
    "$binary_remote_addr": "ip",
    "$remote_addr": "ip",
    "$server_name": "route",
    "$server_port": "route",
    "$host": "header:Host",
}


class Zone(NamedTuple):
    """A `limit_req_zone`: what each has a count of its own, and how many requests in how much time."""

    scope: str
    rate: int
    unit: str


def zones(directives: Iterable[Directive], leave: Leave) -> dict[str, Zone]:
    """Read the zones of limits, by their names."""
    found = {}
    for each in directives:
        options = dict(word.partition("=")[::2] for word in each.words[1:])
        name = options.get("zone", "").partition(":")[0]
        rate = _RATE.fullmatch(options.get("rate", ""))
        scope = _scope(each.words[0])
        if scope is None or rate is None:
            leave(each, "`scope` takes `ip`, `route`, `user` and fields: the limits of this zone are not there")
        else:
            found[name] = Zone(scope, int(rate[1]), rate[2])
    return found


def _scope(key: str) -> str | None:
    if key in _SCOPES:
        return _SCOPES[key]
    return f"header:{values.field_name(key.removeprefix('$http_'))}" if key.startswith("$http_") else None


def limits(scope: Scope, known: Mapping[str, Zone], leave: Leave) -> dict[str, Any]:
    """Return `rate_limit` and `rate_limit_queue` for what holds in a scope."""
    found: list[dict[str, Any]] = []
    waiting = 0.0
    size = 0
    status = scope.text("limit_req_status", "503")
    dry = scope.is_on("limit_req_dry_run")
    scope.one("limit_req_log_level")
    for each in scope.level("limit_req"):
        options = dict(word.partition("=")[::2] for word in each.words)
        zone = known.get(options.get("zone", ""))
        if zone is None:
            leave(each, "its zone is not there, or could not be carried over")
            continue
        burst = int(options.get("burst") or 0)
        # nginx counts what is over the rate, so that one more than `burst` may come at once.
        limit: dict[str, Any] = {"rate": f"{zone.rate}/{zone.unit}", "burst": burst + 1, "scope": zone.scope}
        if dry:
            limit["dry_run"] = True
        found.append(limit)
        if burst and "nodelay" not in options:
            if "delay" in options:
                leave(each, "`delay`: here all wait that are over the rate, or with `nodelay` none")
            limit["burst"] = 1
            size = max(size, burst)
            waiting = max(waiting, burst / (zone.rate / (60 if zone.unit == "m" else 1)))
        if status != "429":
            leave(each, f"nginx answers {status} where the limit is exceeded; here it is always 429, with Retry-After")
    keys: dict[str, Any] = {}
    if found:
        keys["rate_limit"] = found[0] if len(found) == 1 else found
    if size:
        keys["rate_limit_queue"] = {"size": size, "timeout": f"{max(round(waiting * 1000), 1)}ms"}
    return keys


def addresses(scope: Scope, leave: Leave) -> dict[str, Any]:
    """Return `ip_allow` and `ip_deny`: in nginx the first that fits counts, here `ip_deny` goes before `ip_allow`."""
    allowed: list[str] = []
    denied: list[str] = []
    last = ""
    for each in scope.level("allow", "deny"):
        value = each.words[0] if each.words else ""
        if last:
            leave(each, f"never asked: `{last} all` stands before it")
        elif value == "all":
            last = each.name
        elif value.startswith("unix:"):
            leave(each, "address rules here are for addresses only")
        elif each.name == "deny":
            denied += _without(value, allowed)
        else:
            ip_network(value, strict=False)  # it is none of nginx's where this raises
            allowed.append(value)
    found: dict[str, Any] = {}
    if last == "deny":
        if allowed:
            found["ip_allow"] = allowed
        else:
            found["ip_deny"] = ["0.0.0.0/0", "::/0"]
            return found
    if denied:
        found["ip_deny"] = denied
    return found


def _without(value: str, allowed: Iterable[str]) -> list[str]:
    """Return the networks of one that no rule before has let in: here `ip_deny` goes before `ip_allow`."""
    whole = ip_network(value, strict=False)
    rest: list[Any] = [whole]
    for other in (ip_network(one, strict=False) for one in allowed):
        pieces: list[Any] = []
        for one in rest:
            if one.version != other.version or not one.overlaps(other):
                pieces.append(one)
            elif one.prefixlen < other.prefixlen:
                pieces += sorted(one.address_exclude(other))
        rest = pieces
    if rest == [whole]:
        return [value]
    return [str(one.network_address) if one.num_addresses == 1 else str(one) for one in rest]


def probe_address(keys: Mapping[str, Any]) -> str | None:
    """Return an address that the rules let in, for tests; None where the usual one will do."""
    for one in keys.get("ip_allow", ()):
        network = ip_network(one, strict=False)
        return str(network[1] if network.num_addresses > 2 else network[0])
    return None


class Password(NamedTuple):
    """What `auth_basic` asks for."""

    realm: str
    users_file: str
    at: Directive


def password(scope: Scope) -> Password | None:
    """Return what `auth_basic` asks for in a scope; None where it is off."""
    realm, file = scope.one("auth_basic"), scope.one("auth_basic_user_file")
    if realm is None or file is None or realm.words[0] == "off":
        return None
    return Password(realm.words[0], file.words[0], realm)
