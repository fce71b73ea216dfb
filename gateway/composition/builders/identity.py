"""Settings of `auth` into the step that asks who is calling.

The ways of showing that are one line each in `gateway.composition.builders.ways`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from functools import cache, partial
from hashlib import sha256
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gateway.composition.builders.decisive import decisive_fields
from gateway.composition.builders.dry_run import auth_note
from gateway.composition.builders.memo import memo
from gateway.composition.builders.storage import redis_store
from gateway.composition.fingerprint import digest
from gateway.composition.foundation import Foundation
from gateway.config import Settings
from gateway.config.callers import fields_of_callers, fields_of_tokens, keys_among_tokens, places_of_keys
from gateway.config.schema.auth import Auth, AuthCache, AuthMethod, RouteAuth
from gateway.exchange import Exchange
from gateway.http.fields import FieldFilter, request_filter
from gateway.identity.fields import describer
from gateway.identity.orders import Control, Order, decode
from gateway.identity.results import Results
from gateway.identity.revocations import Revocations
from gateway.identity.tunnels import OpenTunnels
from gateway.interfaces import Middleware, PlacedAuthenticator
from gateway.middleware.dry_run import DryRunAuthentication
from gateway.middleware.key_parameter import KeyParameter
from gateway.middleware.tunnels import Tunnels

if TYPE_CHECKING:
    from gateway.composition.builders.ways import Ways
    from gateway.composition.whole import Whole
    from gateway.identity.places import Place
    from gateway.limiting.limit import LimitStore
    from gateway.middleware.placed import HiddenTokens
    from gateway.middleware.verification import Memory, Verification


class Identity:
    """Makes the steps of one configuration's routes.

    Args:
        settings: The configuration.
        foundation: What it is built on.
        remade: Request fields that steps of the chain write anew.
        store: Opens where attempts at passwords are counted.
        decisive: Request fields that something is decided by, where they are known already.

    Attributes:
        control: Does what an operator orders about credentials.
    """

    def __init__(
        self,
        settings: Settings,
        foundation: Foundation,
        remade: frozenset[bytes],
        store: Callable[[], LimitStore],
        decisive: frozenset[bytes] | None = None,
    ) -> None:
        auth = settings.auth or Auth.unwritten()
        self._foundation = foundation
        names = auth.identity_fields
        # A client may not say who it is on any route, also where nobody asks.
        self._remade = remade | fields_of_callers(auth)
        self._keys = places_of_keys(auth)
        self._tokens = fields_of_tokens(auth)
        parameter = None if auth.api_keys is None else auth.api_keys.query
        self._parameter = None if parameter is None else KeyParameter(parameter)
        self._decisive = decisive_fields(settings) if decisive is None else decisive
        make_ways = partial(
            _ways, settings, foundation, results(auth.cache, foundation), fields_of_callers(auth), self._decisive, store
        )
        self._ways = cache(make_ways)
        # What no route asks for is built too: a mistake in it shows when it is written.
        ways = None if settings.auth is None else self._ways()
        self._hidden = None if ways is None else ways.hidden
        if ways is None:
            foundation.carried.then(partial(_no_published_keys, foundation))
        self._count = foundation.metrics.counter("gateway_auth_total").add
        self._note = auth_note(foundation)
        self._results, self._revocations = results(auth.cache, foundation), revocations(foundation)
        self._describe = describer(names.user, names.roles, names.scopes)
        self._memory = memo(self._make_memory)
        self.control = _control(settings, foundation, self._results, self._revocations)
        self._tunnels = Tunnels(
            open_tunnels(foundation),
            self._revocations,
            auth.tunnels == "until_expiry",
            foundation.reactor,
            foundation.wall_clock,
        )
        tunnels = open_tunnels(foundation)
        foundation.carried.then(partial(tunnels.known_are, "key_id", {} if ways is None else ways.keys))
        foundation.carried.then(partial(tunnels.known_are, "jti", {} if ways is None else ways.users))
        # Ways beside `jwt` that are shown where tokens are.
        self._bearers = {"introspection"} | ({"api_key"} if keys_among_tokens(auth) else set())
        self._seed = _fingerprint(auth)
        self._verification = memo(self._make)
        self._filter = memo(self._make_filter)

    def step(self, auth: RouteAuth | None) -> Middleware | None:
        """Make the step of a route, None where it asks nothing."""
        ways = () if auth is None else auth.ways
        if auth is None or not ways:
            return None
        from gateway.middleware.authentication import Authentication, Demands, FullAuthentication

        kind = FullAuthentication if auth.all_of else Authentication
        # A refusal does not say whether an API key was missing or wrong (R-KEY-06).
        tells_missing = any(way.type != "api_key" for way in ways)
        # In dry run the backend gets the credentials that it would get if nobody asked for them.
        forwards = auth.forward_credentials or auth.dry_run
        demands = Demands(frozenset(auth.scopes), frozenset(auth.roles), forwards, tells_missing)
        made = kind(self._made(ways), demands, self._count)
        if not auth.dry_run:
            return made
        hiding = [step.on_request for step in (self._parameter, self._hides(())) if step is not None]
        return DryRunAuthentication(made, self._note, partial(_in_turn, hiding) if hiding else None)

    def withheld(self, auth: RouteAuth | None) -> list[Middleware | None]:
        """Return the steps that keep from backends what the route's authentication does not read and take out itself.

        They are about keys in the query, and about tokens in the query and in cookies.
        """
        ways = () if auth is None else auth.ways
        authenticators = (made.authenticator for made in self._made(ways))
        read = [place for one in authenticators if isinstance(one, PlacedAuthenticator) for place in one.places]
        return [
            None if any(way.type == "api_key" for way in ways) else self._parameter,
            None if _lets_tokens_through(auth) else self._hides(read),
        ]

    def tunnels(self, auth: RouteAuth | None) -> Middleware | None:
        """Return the step that holds a route's tunnels to their credentials, None where the route asks for none."""
        return None if auth is None or not auth.ways or auth.dry_run else self._tunnels

    def passes(self, auth: RouteAuth | None, dropped: frozenset[bytes] = frozenset()) -> FieldFilter:
        """Return the filter for the request fields of a route: unless it says otherwise, without the credentials.

        Args:
            auth: Of the route.
            dropped: Further fields that do not pass: those that the route takes out or replaces.
        """
        ways = () if auth is None or auth.dry_run else auth.ways
        shown: frozenset[bytes] = frozenset().union(*(made.authenticator.fields for made in self._made(ways)))
        forwards = auth is not None and auth.forward_credentials and not auth.dry_run
        kept = self._keys if _lets_tokens_through(auth) else self._keys | self._tokens
        withheld = kept - shown if forwards else kept | shown
        return self._filter(withheld.union(dropped, *(self._ways().authorities.told(way) for way in ways)))

    def _hides(self, read: Iterable[Place]) -> HiddenTokens | None:
        """Return what takes tokens out of a request, of places that are not read on its route; None for nothing."""
        return None if self._hidden is None else self._hidden.step(read)

    def _made(self, ways: Sequence[AuthMethod]) -> list[Verification]:
        made = []
        for place, way in enumerate(ways, 1):
            later = {one.type for one in ways[place:]}
            shares = ""
            if way.type == "jwt" and (later & self._bearers):
                shares = "jwt_or_other"
            elif way.type == "api_key" and any(one.type == "jwt" for one in ways):
                shares = "api_key_or_jwt"
            made.append(self._verification(way, shares or way.type))
        return made

    def _make(self, way: AuthMethod, maker: str) -> Verification:
        seed = self._seed
        if way.type == "basic":
            # People choose passwords that can be guessed: what the memory keeps of one must tell nobody else anything.
            seed += self._foundation.carried.get("auth passwords", lambda: self._foundation.random_bytes(32))
        seed = sha256(seed + repr(way).encode()).digest()
        from gateway.middleware.verification import Verification

        return Verification(self._ways().makers[maker](way), seed, self._memory())

    def _make_memory(self) -> Memory:
        from gateway.middleware.verification import Memory

        return Memory(
            results=self._results,
            revocations=self._revocations,
            describe=self._describe,
            now=self._foundation.now,
            wall_clock=self._foundation.wall_clock,
            count=self._count,
        )

    def _make_filter(self, withheld: frozenset[bytes]) -> FieldFilter:
        return request_filter(self._remade | withheld, self._decisive)


def _ways(*of: Any) -> Ways:
    # Loaded only where somebody is asked who is calling: it is two megabytes.
    from gateway.composition.builders.ways import Ways

    return Ways(*of)


def _no_published_keys(foundation: Foundation) -> None:
    """Have nothing said of keys that were published for the configuration before."""
    for name in ("gateway_jwks_keys", "gateway_jwks_age_seconds"):
        foundation.metrics.gauge(name, tuple)


def _in_turn(steps: Sequence[Callable[[Exchange], None]], exchange: Exchange) -> None:
    for step in steps:
        step(exchange)


def _lets_tokens_through(auth: RouteAuth | None) -> bool:
    """Whether a route asks nobody, and says that its backend gets the tokens that others are asked for."""
    return auth is not None and auth.type == "none" and auth.forward_credentials


def results(settings: AuthCache, foundation: Foundation) -> Results:
    """Return the memory of verifications, the one of the configuration before where it is as large."""
    return foundation.carried.get(
        ("auth results", settings), lambda: Results(settings.ttl, settings.negative_ttl, settings.max_entries)
    )


def revocations(foundation: Foundation) -> Revocations:
    """Return the deny-list, the same through all configurations."""
    return foundation.carried.get("auth revocations", Revocations)


def open_tunnels(foundation: Foundation) -> OpenTunnels:
    """Return what knows the tunnels that are open, the same through all configurations."""
    return foundation.carried.get("auth tunnels", OpenTunnels)


def _control(settings: Settings, foundation: Foundation, kept: Results, refused: Revocations) -> Control:
    """Make what does an operator's orders; with Redis it tells other instances, and hears them."""
    tunnels = open_tunnels(foundation)
    redis = None
    if settings.auth is not None:
        from gateway.composition.builders.api_keys import shared_redis

        redis = shared_redis(settings)
    whole = foundation.whole
    if redis is None:
        tell = None if whole is None else partial(_tell_workers, whole)
        return _heard(Control(kept, refused, tunnels, foundation.wall_clock, tell), foundation)
    from gateway.storage.shared_orders import SharedOrders

    store = redis_store(redis, foundation)
    shared = foundation.carried.get(
        ("auth orders", store), lambda: SharedOrders(store, foundation.reactor, foundation.wall_clock)
    )

    def tell_all(order: Order) -> None:
        if whole is not None:  # Redis may be away
            _tell_workers(whole, order)
        shared.tell(order)

    control = Control(kept, refused, tunnels, foundation.wall_clock, tell_all)
    foundation.carried.then(partial(setattr, shared, "control", control))
    return _heard(control, foundation)


def _heard(control: Control, foundation: Foundation) -> Control:
    """Let it obey what operators say to other workers."""
    if foundation.whole is not None:
        foundation.carried.then(
            partial(foundation.whole.hear, "order", lambda said: control.obey(decode(said.encode())))
        )
    return control


def _tell_workers(whole: Whole, order: Order) -> None:
    until = None if order.until == inf else order.until
    whole.tell("order", order.encode().decode(), f"{order.kind} {order.name}" if order.revoke else "", until)


def _fingerprint(auth: Auth) -> bytes:
    """Hash everything that decides over credentials: with another key or rule, nothing that was kept is found."""
    files = [verifier.public_key_file for verifier in auth.jwt.values() if verifier.public_key_file]
    if auth.oauth is not None:
        files += filter(None, [auth.oauth.signing_key_file, *auth.oauth.previous_key_files])
    said = json.dumps(auth.model_dump(), default=_reveal, sort_keys=True).encode()
    return sha256(said + digest(map(Path, files))).digest()


def _reveal(value: Any) -> str:
    secret = getattr(value, "get_secret_value", None)
    return str(value) if secret is None else str(secret())
