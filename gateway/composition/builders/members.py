"""What discovery finds, into members of a running upstream: no new snapshot, and nothing else is touched.

# Note [Who holds members]
A `Roster` is carried from configuration to configuration, for each upstream with `discovery`: it holds what has a
memory of its own (what is known of a member, its checks), and the identities of the pools. A `Membership` is of one
snapshot: it puts members into its upstream, under the settings of that snapshot. When a snapshot comes into force, its
memberships take over the rosters; a member whose identity is the same under the new settings keeps everything.

Tests: `tests/flow/test_discovery.py::test_members_share_the_traffic_as_they_come_and_go`.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from math import inf
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, gatherResults
from twisted.logger import Logger

from gateway.composition.builders.backends import Building, backups_of, placing
from gateway.composition.builders.discovery import build_finder
from gateway.composition.carried import Carried
from gateway.composition.foundation import Foundation
from gateway.config import ConfigError, Settings
from gateway.config.schema.upstreams import Backend as BackendSettings
from gateway.config.schema.upstreams import Upstream as UpstreamSettings
from gateway.discovery.finder import Finder, State
from gateway.discovery.members import Member
from gateway.upstream.backend import Backend, Traits, Upstream

_log = Logger(namespace="gateway.discovery")


@dataclass(slots=True)
class Held:
    """What a member has while it is one.

    Attributes:
        carried: What is known of it, and its checks.
        key: The identity of its pool.
    """

    carried: Carried
    key: Hashable


class Roster(Service):
    """The members of one upstream, whichever snapshot is in force; see Note [Who holds members].

    Attributes:
        held: By URL.
        finder: Finds them.
    """

    def __init__(self) -> None:
        self.held: dict[str, Held] = {}
        self.finder: Finder | None = None

    def startService(self) -> None:
        """The gateway runs: checks begin."""
        super().startService()
        for held in self.held.values():
            held.carried.startService()

    def stopService(self) -> Deferred[Any]:
        """It stops, or the upstream is in no configuration any more."""
        super().stopService()
        return gatherResults([held.carried.stopService() for held in self.held.values()])


class Membership:
    """Puts members into the upstream of one snapshot.

    Args:
        upstream: Built, with the backends of its configuration.
        said: Its settings.
        building: Makes backends.
        foundation: What they are built on.
        keys: The identities of the pools of the snapshot.
        given: Those of them that are of backends of the configuration.
        roster: Of the upstream.
        finder: Finds the members.
    """

    def __init__(
        self,
        upstream: Upstream,
        said: UpstreamSettings,
        building: Building,
        foundation: Foundation,
        keys: set[Hashable],
        given: frozenset[Hashable],
        roster: Roster,
        finder: Finder,
    ) -> None:
        self._upstream = upstream
        self._said = said
        self._building = building
        self._foundation = foundation
        self._keys = keys
        self._given_keys = given
        self._roster = roster
        self._finder = finder
        self._given = tuple(upstream.backends)
        self._found: dict[str, Backend] = {}
        self._refused: set[str] = set()
        self._tokens: dict[str, bytes] | None = None
        if said.sticky is not None:
            from gateway.composition.builders.sticky import live_tokens

            self._tokens = live_tokens(said, foundation)

    def expect(self) -> None:
        """Keep the pools of the members when the snapshot comes into force, where they are the same there."""
        settings = map(_settings, self._finder.members)
        self._keys.update(self._building.key(said) for said in settings if not self._said.refuses(said))

    def take_over(self) -> None:
        """The snapshot is in force: follow what is found."""
        self._roster.finder = self._finder
        self._finder.tell(self.update)

    def update(self, members: Sequence[Member]) -> None:
        """Have these members, and no others beside the backends of the configuration."""
        given = {backend.name for backend in self._given}
        wanted = {member.url: member for member in members if member.url not in given}
        for member in wanted.values():
            self._have(member)
        self._found = {url: backend for url, backend in self._found.items() if url in wanted}
        self._refused.intersection_update(wanted)
        # Under other settings than before a member may be none: a check by HTTP/1.1 is for none that speaks HTTP/2.
        gone = [url for url in self._roster.held if url not in self._found]
        backends = [*self._given, *(self._found[url] for url in wanted if url in self._found)]
        if self._tokens is not None:
            self._bind(backends)
        upstream, random = self._upstream, self._foundation.random
        upstream.become(backends, self._building.balancer(backends, random), placing(self._said, backends))
        condition = upstream.condition
        if condition is not None and condition.detector is not None:
            condition.detector.backups = backups_of(backends)
        for url in gone:  # last: nothing picks them any more
            self._leave(url, self._roster.held.pop(url))

    @property
    def current(self) -> bool:
        """Whether the members are those that were told last."""
        return self._finder.state is State.CURRENT

    @property
    def members(self) -> int:
        """How many there are."""
        return len(self._roster.held)

    @property
    def age(self) -> float:
        """Seconds since members were told."""
        answered = self._finder.answered
        return inf if answered is None else float(self._foundation.reactor.seconds() - answered)

    def view(self) -> dict[str, Any]:
        """Describe how members are found."""
        return self._finder.view()

    def _have(self, member: Member) -> None:
        backend = self._found.get(member.url)
        if backend is not None and backend.backup is member.backup:
            if backend.full_weight != member.weight:
                backend.weigh(member.weight)
            return
        said = _settings(member)
        words = self._said.refuses(said)
        held = self._roster.held.get(member.url)
        carried = Carried() if held is None else held.carried
        carried.begin()
        try:
            if words:
                raise ValueError(f"expected {words}")
            built = self._building.backend(said, replace(self._foundation, carried=carried))
        except (ConfigError, ValueError) as error:
            carried.roll_back()
            key = self._building.key(said)
            self._keys.discard(key)
            self._foundation.pool.release(key)
            if member.url in self._refused:
                return
            self._refused.add(member.url)
            _log.warn(
                "{upstream}: {url} is not taken as a member: {cause}",
                upstream=self._said.name,
                url=member.url,
                cause=str(error),
                event="discovery.refused",
            )
            return
        carried.commit()
        if self._roster.running and not carried.running:
            carried.startService()
        key = self._building.key(said)
        if held is not None and held.key != key:  # other settings: its figures go on, with another pool
            self._keys.discard(held.key)
            self._foundation.pool.release(held.key)
        self._keys.add(key)
        self._roster.held[member.url] = Held(carried, key)
        self._found[member.url] = built

    def _leave(self, url: str, held: Held) -> None:
        held.carried.stopService()
        if held.key in self._given_keys:
            return  # written into the configuration since: it is a backend as it was, with the same pool
        self._keys.discard(held.key)
        self._foundation.pool.release(held.key).addCallback(self._forget, url)

    def _forget(self, result: None, url: str) -> None:
        """The last exchange of a member that is gone is over."""
        if all(backend.name != url for backend in self._upstream.backends):
            self._foundation.metrics.forget(self._said.name, url)

    def _bind(self, backends: Sequence[Backend]) -> None:
        from gateway.composition.builders.sticky import token_for

        assert self._tokens is not None
        wanted = {backend.name for backend in backends}
        for url in [url for url in self._tokens if url not in wanted]:
            del self._tokens[url]
        for url in wanted - self._tokens.keys():
            self._tokens[url] = token_for(self._said, url)


def follow(
    upstream: Upstream, said: UpstreamSettings, settings: Settings, foundation: Foundation, keys: set[Hashable]
) -> None:
    """Let an upstream have what is found as its members, from when its snapshot is in force.

    Args:
        upstream: Built, with the backends of its configuration.
        said: Its settings.
        settings: The whole configuration.
        foundation: What it is built on.
        keys: Takes the identities of its pools.

    Raises:
        gateway.config.ConfigError: A certificate cannot be used.
    """
    roster = foundation.carried.get(("members", said.name), Roster)
    finder = build_finder(said, settings, foundation, roster.finder)
    of_members = said.of_members
    building = Building(of_members, settings, upstream.condition)
    of_configuration = building if of_members is said else Building(said, settings, upstream.condition)
    given = frozenset(of_configuration.key(backend) for backend in said.backends)
    # What certificates would fail on is found out before anything is in force.
    building.check()
    membership = Membership(upstream, of_members, building, foundation, keys, given, roster, finder)
    membership.expect()
    upstream.discovery = membership
    upstream.to_come = Traits(said.may_take_calls, said.rewrite_responses, said.strategy == "least_latency")
    foundation.carried.then(membership.take_over)


def _settings(member: Member) -> BackendSettings:
    return BackendSettings(url=member.url, weight=member.weight, backup=member.backup)
