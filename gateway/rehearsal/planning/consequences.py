"""What it means that something beside the routes is another: upstreams, listeners, verifiers, bounds, who is believed.

Decides by settings alone, as `gateway.rehearsal.planning.effects` does of routes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from gateway.config import Settings
from gateway.config.endpoint_strings import on_this_machine, port_of
from gateway.config.schema.auth import ApiKeys, Auth
from gateway.config.schema.tokens import JwtVerifier
from gateway.config.schema.upstreams import Upstream
from gateway.config.units import format_duration, format_size
from gateway.rehearsal.planning.effects import Effect, of_addresses, of_limits, outside

UNSEEN: Final = frozenset({"access_log", "log", "log_shipping", "metrics", "tracing", "tests", "strict", "groups"})
"""Keys that nobody who calls sees a change of; what groups say is seen in the routes."""


def of_upstream(before: Upstream, after: Upstream, old: Settings, new: Settings) -> Iterator[Effect]:
    """Say what it means that an upstream is another; its connections and counts are not its settings' to tell."""
    if before.tls.verify and not after.tls.verify:
        yield Effect("danger", "certificates of backends are not checked any more: any server is believed")
    elif before.tls.ca is not None and after.tls.ca is None:
        yield Effect(
            "warning", "backends are believed that any authority of the system has signed, and not only `ca`'s"
        )
    if "https" in before.schemes and "https" not in after.schemes:
        yield Effect("danger", "backends are spoken to in the clear: it was TLS")
    was, now = {one.url for one in before.backends}, {one.url for one in after.backends}
    if gone := sorted(was - now):
        yield Effect("change", f"backends that get nothing any more: {', '.join(gone)}")
    if fresh := sorted(now - was):
        yield Effect("change", f"new backends: {', '.join(fresh)}")
    for key, words in (
        ("health_check", "backends are not checked any more"),
        ("passive_health", "backends that fail are not taken out any more"),
    ):
        if getattr(before, key) is not None and getattr(after, key) is None:
            yield Effect("warning", words)
    breaker, breaks = old.breaker_of(before), new.breaker_of(after)
    if breaker is not None and not breaker.dry_run and (breaks is None or breaks.dry_run):
        yield Effect("warning", "no breaker opens any more while backends fail")
    if (before.strategy, before.hash_on) != (after.strategy, after.hash_on):
        yield Effect(
            "change", f"clients come to other backends: by {after.strategy}, in the place of {before.strategy}"
        )
    if before.sticky is not None and (after.sticky is None or after.sticky.cookie != before.sticky.cookie):
        yield Effect("warning", "clients are not bound to the backends any more that they are bound to now")


def of_section(section: str, old: Settings, new: Settings) -> Iterator[Effect]:
    """Say what it means that a key of top level is another, beside lists of things that have names."""
    tell = _SECTIONS.get(section)
    if tell is not None:
        yield from tell(old, new)


def _admin(old: Settings, new: Settings) -> Iterator[Effect]:
    was, now = old.admin, new.admin
    if was.endpoint != now.endpoint:
        opens = port_of(now.endpoint) is not None and not on_this_machine(now.endpoint)
        if opens and (port_of(was.endpoint) is None or on_this_machine(was.endpoint)):
            yield Effect("danger", "the operators' port is open to other machines: whoever reaches it reads everything")
        yield Effect("change", "the operators' port is another one: who scrapes it has to be told")
    if was.token.get_secret_value() != now.token.get_secret_value():
        words = "the token is another one" if now.token.get_secret_value() else "writes are refused: there is no token"
        yield Effect("warning", words)
    if now.metrics_public and not was.metrics_public:
        yield Effect("danger", "/metrics answers on the listeners: clients can read it")


def _trust(old: Settings, new: Settings) -> Iterator[Effect]:
    more, fewer = _beyond(new, old), _beyond(old, new)
    if more:
        yield Effect("danger", f"who comes from {', '.join(more)} is believed about where clients are")
    if fewer:
        words = "clients behind it have its address: limits and rules by address count them as one"
        yield Effect("warning", f"{', '.join(fewer)} is not believed any more: {words}")


def _beyond(some: Settings, others: Settings) -> list[str]:
    """Return whom some believe, and others do not."""
    networks = [[one for one in each.trusted_proxies if not isinstance(one, str)] for each in (some, others)]
    words = [one for one in some.trusted_proxies if isinstance(one, str) and one not in others.trusted_proxies]
    return [*map(str, outside(*networks)), *words]


def _everybody(old: Settings, new: Settings) -> Iterator[Effect]:
    yield from of_addresses(old.ip_allow, old.ip_deny, new.ip_allow, new.ip_deny)


def _dry_run(old: Settings, new: Settings) -> Iterator[Effect]:
    if new.ip_dry_run and not old.ip_dry_run:
        yield Effect("danger", "address rules for all refuse nobody any more: they are in dry run")


def _rate_limits(old: Settings, new: Settings) -> Iterator[Effect]:
    paths = dict.fromkeys(one.path for one in (*old.rate_limits, *new.rate_limits))
    for path in paths:
        for effect in of_limits(
            [one for one in old.rate_limits if one.path == path], [one for one in new.rate_limits if one.path == path]
        ):
            yield effect._replace(words=f"{path or 'everywhere'}: {effect.words}")


def _auth(old: Settings, new: Settings) -> Iterator[Effect]:
    was, now = old.auth or Auth.unwritten(), new.auth or Auth.unwritten()
    for name, verifier in was.jwt.items():
        if name in now.jwt:
            for effect in _verifier(verifier, now.jwt[name]):
                yield effect._replace(words=f"`{name}`: {effect.words}")
        else:
            yield Effect("warning", f"tokens that `{name}` took are not taken any more")
    keys, fewer = _keys(was.api_keys), _keys(now.api_keys)
    for identity in [one for one in keys if one not in fewer]:
        yield Effect("warning", f"the API key `{identity}` is refused (401)")
    for identity in [one for one in fewer if one not in keys]:
        yield Effect("warning", f"the API key `{identity}` opens what asks for one")
    for identity, key in keys.items():
        if identity in fewer and fewer[identity] != key:
            yield Effect("warning", f"the API key `{identity}` is another, or opens something else")
    if was.basic is not None and now.basic is not None and was.basic.users_file != now.basic.users_file:
        yield Effect("warning", "users and passwords are those of another file")


def _keys(section: ApiKeys | None) -> Mapping[str, object]:
    return {} if section is None else {key.id: key for key in section.keys}


def _verifier(was: JwtVerifier, now: JwtVerifier) -> Iterator[Effect]:
    for key in ("issuer", "audience"):
        said, says = set(getattr(was, key)), set(getattr(now, key))
        if said and not says:
            yield Effect("danger", f"tokens of every {key} get in: `{key}` is gone")
        elif more := says - said:
            words = f"tokens of other {key}s get in" if said else f"only tokens of the {key} get in"
            yield Effect("warning", f"{words}: {', '.join(sorted(more))}")
        if says and (fewer := said - says):
            yield Effect("warning", f"tokens of the {key} {', '.join(sorted(fewer))} are refused (401)")
    for claim in was.require:
        if claim not in now.require:
            yield Effect("danger", f"tokens with any `{claim}` get in: `require` does not ask for it")
    if "exp" in was.required_claims and "exp" not in now.required_claims:
        yield Effect("danger", "tokens without an end get in: `exp` is not required")
    if more_algorithms := set(now.algorithms) - set(was.algorithms):
        yield Effect("warning", f"signatures of {', '.join(sorted(more_algorithms))} are taken")
    signs = ("secret", "public_key_file", "jwks_url")
    if any(getattr(was, key) != getattr(now, key) for key in signs):
        yield Effect(
            "warning", "tokens that were signed by the key before are refused (401), unless it is this one too"
        )


def _bounds(old: Settings, new: Settings) -> Iterator[Effect]:
    was, now = old.limits, new.limits
    for key in ("in_flight", "request_body"):
        before, after = getattr(was, key), getattr(now, key)
        if before and not after:
            yield Effect("warning", f"`{key}` has no bound any more")
    if now.request_body and (not was.request_body or now.request_body < was.request_body):
        yield Effect(
            "warning", f"bodies over {format_size(now.request_body)} are refused (413), where a route says nothing"
        )
    if now.connections < was.connections:
        yield Effect("warning", f"over {now.connections} connections, new ones wait")
    if now.request_header < was.request_header:
        yield Effect("warning", f"heads over {format_size(now.request_header)} are refused (431)")


def _timeouts(old: Settings, new: Settings) -> Iterator[Effect]:
    for key in type(old.timeouts).model_fields:
        before, after = getattr(old.timeouts, key), getattr(new.timeouts, key)
        if isinstance(before, float) and isinstance(after, float) and after < before:
            yield Effect(
                "warning", f"`{key}` is shorter: {format_duration(after)} in the place of {format_duration(before)}"
            )


def _processes(old: Settings, new: Settings) -> Iterator[Effect]:
    yield Effect("warning", "a reload is refused: another number of processes takes `gateway upgrade PIDFILE`")


def _counts(old: Settings, new: Settings) -> Iterator[Effect]:
    yield Effect("warning", "counts of rate limits begin anew: they are kept elsewhere")


def _failing(old: Settings, new: Settings) -> Iterator[Effect]:
    if new.on_store_failure == "open":
        yield Effect("danger", "while Redis fails, there are no rate limits")
    elif new.on_store_failure == "closed":
        yield Effect("warning", "while Redis fails, limited routes refuse everybody (503)")


def _readings(old: Settings, new: Settings) -> Iterator[Effect]:
    yield Effect("warning", "other paths are refused as ambiguous, or not any more: what backends read must be listed")


_SECTIONS: Final[Mapping[str, Callable[[Settings, Settings], Iterator[Effect]]]] = {
    "admin": _admin,
    "trusted_proxies": _trust,
    "ip_allow": _everybody,
    "ip_dry_run": _dry_run,
    "rate_limits": _rate_limits,
    "auth": _auth,
    "limits": _bounds,
    "timeouts": _timeouts,
    "processes": _processes,
    "rate_limit_store": _counts,
    "on_store_failure": _failing,
    "paths": _readings,
}
