"""What a change of routes means to who calls: who gets in that did not, who does not that did, which bound moves.

Decides by settings alone. What becomes of connections and counts, and which requests go elsewhere, is asked of two
gateways that are built (`gateway.rehearsal.planning.plan`, `.rerouting`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from ipaddress import IPv4Network, IPv6Network, collapse_addresses
from math import inf
from typing import Final, Literal, NamedTuple

from gateway.config.schema.auth import AuthMethod, RouteAuth
from gateway.config.schema.limiting import RateLimit
from gateway.config.schema.routes import Route
from gateway.config.units import format_duration, format_size

Level = Literal["danger", "warning", "change", "note"]
"""`danger`: something that was kept out may come in; `warning`: somebody may be refused who was not, or a bound is
gone; `change`: something is done otherwise; `note`: nobody who calls sees it."""

LEVELS: Final[tuple[Level, ...]] = ("danger", "warning", "change", "note")
"""The worst first."""


class Effect(NamedTuple):
    """What a change means.

    Attributes:
        level: How bad that may be.
        words: For people.
    """

    level: Level
    words: str


def worst(effects: Iterable[Effect]) -> Level:
    """Return the worst level; `note` where there is none."""
    return min((effect.level for effect in effects), key=LEVELS.index, default="note")


def of_guards(before: Route, after: Route) -> Iterator[Effect]:
    """Compare what two routes ask of who calls: of one route in two configurations, or of two that take a request."""
    yield from _auth(before.auth, after.auth)
    yield from of_limits(before.rate_limit, after.rate_limit)
    yield from of_addresses(before.ip_allow, before.ip_deny, after.ip_allow, after.ip_deny)
    if after.ip_dry_run and not before.ip_dry_run and (after.ip_allow or after.ip_deny):
        yield Effect("danger", "address rules refuse nobody any more: they are in dry run")
    gone = [name for name in before.plugins if name not in after.plugins]
    if gone:
        yield Effect("warning", f"plugins are not asked any more: {', '.join(gone)}")


def of_route(before: Route, after: Route) -> Iterator[Effect]:
    """Say what it means that a route is another."""
    yield from of_guards(before, after)
    yield from _destination(before, after)
    yield from _cors(before, after)
    yield from _bounds(before, after)
    if before.security_headers and not after.security_headers:
        yield Effect("warning", "answers have no security headers any more")
    if before.cache is not None and after.cache is None:
        yield Effect("change", "answers are not kept any more: backends are asked for each")
    elif before.cache is None and after.cache is not None:
        yield Effect("change", "answers are kept, and given to others where they may be")
    if after.mirror is not None and (before.mirror is None or before.mirror.upstream != after.mirror.upstream):
        yield Effect("change", f"copies of requests go to {after.mirror.upstream}, credentials included")


def _auth(before: RouteAuth | None, after: RouteAuth | None) -> Iterator[Effect]:
    was, now = _asking(before), _asking(after)
    if was is not None and now is None:
        how = "is in dry run" if after is not None and after.ways else "asks nobody any more"
        yield Effect("danger", f"everybody gets in: `auth` {how}")
        return
    if now is None:
        return
    if was is None:
        yield Effect("warning", f"who shows no credential is refused (401): {_ways(now)}")
        return
    yield from _compared_ways(was, now)
    for scope in [one for one in was.scopes if one not in now.scopes]:
        yield Effect("danger", f"callers without the scope `{scope}` get in")
    for scope in [one for one in now.scopes if one not in was.scopes]:
        yield Effect("warning", f"callers without the scope `{scope}` lose access (403)")
    if was.roles and not now.roles:
        yield Effect("danger", f"callers without any of the roles {', '.join(was.roles)} get in")
    elif now.roles and not was.roles:
        yield Effect("warning", f"callers without any of the roles {', '.join(now.roles)} lose access (403)")
    else:
        for role in [one for one in now.roles if one not in was.roles]:
            yield Effect("danger", f"callers with the role `{role}` get in")
        for role in [one for one in was.roles if one not in now.roles]:
            yield Effect("warning", f"callers with the role `{role}` alone lose access (403)")


def _asking(auth: RouteAuth | None) -> RouteAuth | None:
    return auth if auth is not None and auth.ways and not auth.dry_run else None


def _compared_ways(was: RouteAuth, now: RouteAuth) -> Iterator[Effect]:
    if bool(was.all_of) is not bool(now.all_of) and len(was.ways) + len(now.ways) > 2:
        level: Level = "danger" if was.all_of else "warning"
        yield Effect(level, f"callers show {_ways(now)}, in the place of {_ways(was)}")
        return
    before, after = {_called(way) for way in was.ways}, {_called(way) for way in now.ways}
    needed = bool(now.all_of)
    for name in sorted(after - before):
        yield Effect("warning", f"callers need {name}, too (401)") if needed else Effect("danger", f"{name} opens it")
    for name in sorted(before - after):
        words = f"{name} is not needed any more" if needed else f"callers with {name} lose access (401)"
        yield Effect("danger" if needed else "warning", words)
    for key, here in (("issuer", "issuers"), ("audience", "audiences")):
        asked = {value for way in was.ways for value in getattr(way, key)}
        asks = {value for way in now.ways for value in getattr(way, key)}
        if asked and not asks:
            yield Effect("danger", f"tokens of all {here} that the verifier takes get in: the route names none")
        elif asked != asks:
            yield Effect("warning", f"tokens of other {here} get in: {', '.join(sorted(asks))}")


def _called(way: AuthMethod) -> str:
    return way.type if way.verifier == ("default",) else f"{way.type} ({', '.join(way.verifier)})"


def _ways(auth: RouteAuth) -> str:
    return (" and " if auth.all_of else " or ").join(map(_called, auth.ways))


def of_limits(before: Sequence[RateLimit], after: Sequence[RateLimit]) -> Iterator[Effect]:
    """Compare the limits of one place, each with the one that counts the same."""
    was = {one.scope: one for one in before if not one.dry_run}
    now = {one.scope: one for one in after if not one.dry_run}
    watched = {one.scope for one in after if one.dry_run}
    for scope, one in was.items():
        name = "+".join(scope)
        if scope not in now:
            how = "is in dry run" if scope in watched else "is gone"
            yield Effect("danger", f"the limit by {name} {how}: it was {_rate(one)}")
            continue
        other = now[scope]
        if other.limit / other.window > one.limit / one.window:
            yield Effect("warning", f"the limit by {name} is looser: {_rate(other)} in the place of {_rate(one)}")
        elif other.limit / other.window < one.limit / one.window:
            words = f"callers over {_rate(other)} are refused (429): the limit by {name} was {_rate(one)}"
            yield Effect("warning", words)
        elif (other.burst or other.limit) > (one.burst or one.limit):
            yield Effect("warning", f"more are let in at once by the limit by {name}")
        yield from _tiers(name, one, other)
        if set(other.except_) - set(one.except_):
            yield Effect("warning", f"the limit by {name} has more exceptions")
    for scope in now:
        if scope not in was:
            yield Effect("warning", f"callers over {_rate(now[scope])} are refused (429): a limit by {'+'.join(scope)}")


def _tiers(name: str, before: RateLimit, after: RateLimit) -> Iterator[Effect]:
    """Compare what callers of each tier have; who is in none has the limit itself, and 0 is no limit."""
    for tier in dict.fromkeys([*before.tiers, *after.tiers]):
        was, now = before.tiers.get(tier, before.limit), after.tiers.get(tier, after.limit)
        if was and not now:
            yield Effect("danger", f"callers with {tier} have no limit by {name} any more")
        elif now and (not was or now / after.window < was / before.window):
            before_it = f"{was} in {format_duration(before.window)}" if was else "no limit"
            words = f"callers with {tier} over {now} in {format_duration(after.window)} are refused (429)"
            yield Effect("warning", f"{words}: by {name} they had {before_it}")
        elif now and now / after.window > was / before.window:
            words = (
                f"{now} in {format_duration(after.window)} in the place of {was} in {format_duration(before.window)}"
            )
            yield Effect("warning", f"the limit by {name} is looser for callers with {tier}: {words}")


def _rate(limit: RateLimit) -> str:
    return f"{limit.limit} in {format_duration(limit.window)}"


Network = IPv4Network | IPv6Network


def of_addresses(
    allowed: Sequence[Network], denied: Sequence[Network], allows: Sequence[Network], denies: Sequence[Network]
) -> Iterator[Effect]:
    """Compare the address rules of one place: those before, and those after."""
    if allowed and not allows:
        yield Effect("danger", "all addresses get in: `ip_allow` is gone")
    elif allows and not allowed:
        yield Effect("warning", f"other addresses than {_networks(allows)} lose access (403)")
    elif allowed or allows:
        more, fewer = outside(allows, allowed), outside(allowed, allows)
        if more:
            yield Effect("danger", f"more addresses get in: {_networks(more)}")
        if fewer:
            yield Effect("warning", f"addresses lose access (403): {_networks(fewer)}")
    if gone := outside(denied, denies):
        yield Effect("danger", f"addresses that were denied get in: {_networks(gone)}")
    if fresh := outside(denies, denied):
        yield Effect("warning", f"addresses lose access (403): {_networks(fresh)}")


def outside(some: Sequence[Network], others: Sequence[Network]) -> list[Network]:
    """Return those of some networks that others do not have in them."""
    whole: list[Network] = []
    for version in (4, 6):
        whole += collapse_addresses(one for one in others if one.version == version)  # type: ignore[type-var]
    return [
        one
        for one in some
        if not any(one.version == other.version and one.subnet_of(other) for other in whole)  # type: ignore[arg-type]
    ]


def _networks(networks: Sequence[Network]) -> str:
    more = f" and {len(networks) - 4} more" if len(networks) > 4 else ""
    return ", ".join(map(str, networks[:4])) + more


def _bodies(largest: int | None, most: int | None) -> Iterator[Effect]:
    """Compare bounds on bodies: 0 for none, None for that of all routes."""
    if most == 0 != largest:
        yield Effect("warning", "bodies have no bound any more")
    elif most is not None and largest is not None and 0 < largest < most:
        yield Effect("change", f"larger bodies are taken, up to {format_size(most)}")
    elif most and most != largest:
        yield Effect("warning", f"bodies over {format_size(most)} are refused (413)")


def _destination(before: Route, after: Route) -> Iterator[Effect]:
    was, now = dict(before.upstreams), dict(after.upstreams)
    if set(was) != set(now):
        yield Effect("change", f"requests go to {_leads(after)}, in the place of {_leads(before)}")
    elif was != now:
        shares = ", ".join(f"{name} {weight}" for name, weight in now.items())
        yield Effect("change", f"requests are shared out otherwise: {shares}")


def _leads(route: Route) -> str:
    return ", ".join(route.forwards_to) or "an answer of the gateway's own"


def _cors(before: Route, after: Route) -> Iterator[Effect]:
    was = set() if before.cors is None or before.cors.dry_run else set(map(str, before.cors.allowed_origins))
    now = set() if after.cors is None or after.cors.dry_run else set(map(str, after.cors.allowed_origins))
    if more := now - was:
        with_cookies = after.cors is not None and after.cors.allow_credentials
        what = " with their visitors' cookies" if with_cookies else ""
        level: Level = "danger" if "*" in more or with_cookies else "warning"
        yield Effect(level, f"pages of {', '.join(sorted(more))} may call{what}")
    if fewer := was - now:
        yield Effect("warning", f"pages of {', '.join(sorted(fewer))} cannot call any more")
    if (stay := was & now) and before.cors is not None and after.cors is not None:
        pages = ", ".join(sorted(stay))
        if after.cors.allow_credentials and not before.cors.allow_credentials:
            yield Effect("danger", f"pages of {pages} may call with their visitors' cookies")
        elif before.cors.allow_credentials and not after.cors.allow_credentials:
            yield Effect("warning", f"pages of {pages} cannot call with their visitors' cookies any more")


def _bounds(before: Route, after: Route) -> Iterator[Effect]:
    if after.timeout < before.timeout:
        yield Effect("warning", f"answers that take longer than {format_duration(after.timeout)} fail (504)")
    if after.exchange_timeout < before.exchange_timeout:
        longest = format_duration(after.exchange_timeout)
        yield Effect("warning", f"exchanges that take longer than {longest} fail (408 or 504)")
    elif after.exchange_timeout == inf > before.exchange_timeout:
        yield Effect("warning", "exchanges have no bound in time any more")
    yield from _bodies(before.request_body, after.request_body)
    if before.in_flight and not after.in_flight:
        yield Effect("warning", f"there is no bound on what is in flight any more; it was {before.in_flight}")
    elif after.in_flight and (not before.in_flight or after.in_flight < before.in_flight):
        yield Effect("warning", f"over {after.in_flight} at once, requests are refused (503)")
