"""What two configurations do to a gateway that runs: the one is built, and the other after it, as a reload does.

Nothing is started and nothing is opened; what the second one would let go of is read off before it is in force.

Tests: `tests/rehearsal/planning/test_reload.py`.
"""

from __future__ import annotations

import random
import time
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from typing import Final

from gateway.composition.builders.counts import Identities
from gateway.composition.snapshot import Snapshot
from gateway.config.endpoint_strings import IN_THE_CLEAR, address_of, on_this_machine, parse
from gateway.config.loading import Loaded
from gateway.config.problems import ConfigError
from gateway.config.schema.limiting import RateLimit
from gateway.config.schema.routes import Route
from gateway.config.written import find_places
from gateway.listening.listeners import Entry, entries
from gateway.memory.gateway import MemoryGateway, virtual_clock
from gateway.memory.network import MemoryNetwork
from gateway.rehearsal.planning.effects import Effect

_GONE: Final = {
    "condition": "what is known of its backends' health, and its breakers, begins anew",
    "sticky tokens": "clients that are bound to its backends are bound anew",
    "last good": "what was kept for when it fails is forgotten",
    "adaptive": "the bound that was learnt begins anew",
}
"""What is let go of with a thing of an upstream, by the beginning of its identity."""

_GONE_EVERYWHERE: Final = {
    "jwks": "key sets of issuers are fetched anew",
    "auth results": "tokens and keys that were found good are looked at anew",
}


@dataclass
class Reload:
    """What stays and what goes.

    Attributes:
        before: Of the configuration in force.
        after: Of the other one, not in force.
        upstreams: By upstream, what becomes of its connections and of what is known of it.
        everywhere: What begins anew beside.
        ports: By endpoint, what becomes of its port.
    """

    before: Snapshot
    after: Snapshot
    upstreams: dict[str, list[str]] = field(default_factory=dict)
    everywhere: list[str] = field(default_factory=list)
    ports: dict[str, Effect] = field(default_factory=dict)


def compare(old: Loaded, new: Loaded) -> Reload:
    """Build both.

    Raises:
        gateway.config.ConfigError: Something that one of them names cannot be used.
    """
    try:
        gateway = MemoryGateway(old.settings, MemoryNetwork(virtual_clock()), random.Random(1), time.time)  # noqa: S311  # no secret stays
    except ConfigError as error:
        find_places(error, old.root, old.settings)
        raise
    before = gateway.parts.root.tree
    try:
        after = gateway.parts.build(new.settings, gateway.log)  # type: ignore[arg-type]  # as the gateway in memory has it
    except ConfigError as error:
        find_places(error, new.root, new.settings)
        raise
    reload = Reload(before, after)
    gone = gateway.parts.foundation.carried.unasked()
    known = {one.name for one in new.settings.upstreams}
    for name, was in before.kept.upstreams.items():
        now = after.kept.upstreams.get(name)
        keys = set() if now is None else now.keys
        words = [*_pools(was.keys, keys), *(_of_upstream(name, gone) if name in known else ())]
        if words:
            reload.upstreams[name] = words
    kinds = [key[0] for key in gone if isinstance(key, tuple)]
    reload.everywhere = [words for kind, words in _GONE_EVERYWHERE.items() if kind in kinds]
    reload.ports = dict(_ports(old, new))
    gateway.parts.foundation.carried.roll_back()
    return reload


def _pools(was: set[Hashable], now: set[Hashable]) -> Iterator[str]:
    """Say what becomes of the connections to backends; a pool is called by the upstream and the URL first."""
    drained = sorted({_url(key) for key in was - now})
    if not drained:
        return
    stay = len(was & now)
    again = {_url(key) for key in now}
    anew = [url for url in drained if url in again]
    if anew:
        yield f"connections are drained and opened anew: {_some(anew)}"
    if len(anew) < len(drained):
        yield f"connections are drained: {_some([url for url in drained if url not in again])}"
    if stay:
        yield f"connections to {stay} of its backends are kept"


def _url(key: Hashable) -> str:
    assert isinstance(key, tuple)  # as `gateway.composition.builders.backends.Building.key` makes them
    return str(key[1])


def _some(urls: list[str]) -> str:
    return ", ".join(urls[:4]) + (f" and {len(urls) - 4} more" if len(urls) > 4 else "")


def _of_upstream(name: str, gone: list[Hashable]) -> Iterator[str]:
    kinds = {key[0] for key in gone if isinstance(key, tuple) and len(key) > 1 and key[1] == name}
    return (words for kind, words in _GONE.items() if kind in kinds)


def _ports(old: Loaded, new: Loaded) -> Iterator[tuple[str, Effect]]:
    was, now = entries(old.settings), entries(new.settings)
    before, after = ({address_of(one.endpoint): one for one in each} for each in (was, now))
    for entry in was:
        other = after.get(address_of(entry.endpoint))
        if other is None:
            yield entry.endpoint, Effect("warning", "it is closed; connections go on until they end")
        elif entry not in now and other.endpoint != entry.endpoint:
            yield entry.endpoint, Effect("change", f"`{other.endpoint}` is opened in its place; connections go on")
    at_home = all(on_this_machine(one.endpoint) for one in was)
    for entry in now:
        other = before.get(address_of(entry.endpoint))
        if other is None and at_home and not on_this_machine(entry.endpoint):
            words = "it is opened to other machines: until now all listeners were for this one alone"
            yield entry.endpoint, Effect("danger", words)
        elif other is None:
            yield entry.endpoint, Effect("change", "it is opened")
        elif _in_the_clear(entry) and not _in_the_clear(other):
            yield entry.endpoint, Effect("danger", "clients are spoken to in the clear: it was TLS")
        elif entry not in was:
            words = "new connections begin as it says, also by its certificates; none is refused meanwhile"
            yield entry.endpoint, Effect("change", words)


def _in_the_clear(entry: Entry) -> bool:
    return parse(entry.endpoint).kind in IN_THE_CLEAR


def counts_begin_anew(before: Route, after: Route) -> bool:
    """Whether a limit of a route goes on under its scope without what it has counted."""
    return counted_anew(before.name, before.rate_limit, after.name, after.rate_limit, "route")


def counted_anew(place: str, before: tuple[RateLimit, ...], now: str, after: tuple[RateLimit, ...], kind: str) -> bool:
    """Whether limits of one place have other identities: then their counts are others.

    Args:
        place: Where they stood.
        before: The limits.
        now: Where they stand.
        after: The limits there.
        kind: Of which limits, as `gateway.composition.builders.counts.Identities` has it.
    """
    was, fresh = Identities(kind), Identities(kind)
    counted = {was.limit(place, one).limit.identity for one in before}
    counts = [(one.scope, fresh.limit(now, one).limit.identity) for one in after]
    scopes = {one.scope for one in before}
    return any(scope in scopes and identity not in counted for scope, identity in counts)
