"""Let those pass who show who they are, and tell the backend who that is.

Stands after the limits by address, which hold back a flood of bad
credentials, and before everything that asks who is calling. How a credential
is looked for and verified is its authenticator's business, see
`gateway.interfaces.Authenticator`; here is what a route makes of it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

from twisted.logger import Logger

from gateway.errors import CredentialInvalid, CredentialMissing, DownstreamError, Forbidden
from gateway.exchange import Exchange
from gateway.middleware.verification import Verification
from gateway.principal import Principal

_log = Logger()

Field = tuple[bytes, bytes]

NO_KEY = "The request shows no key that is valid."
"""True of a request that shows none at all, too."""


@dataclass(frozen=True, slots=True)
class Demands:
    """What a route asks of its callers beside being known.

    Attributes:
        scopes: All of these.
        roles: One of these.
        forward_credentials: Whether the backend sees what was shown.
        tells_missing: Whether who shows nothing is told so, and not answered like who shows something bad.
    """

    scopes: frozenset[str] = frozenset()
    roles: frozenset[str] = frozenset()
    forward_credentials: bool = False
    tells_missing: bool = True


class _Step:
    """What both kinds of step have in common."""

    name = "authentication"

    def __init__(self, ways: Sequence[Verification], demands: Demands, count: Callable[[str, str], None]) -> None:
        """Prepare the answers: they are the same whatever was wrong with a credential.

        Args:
            ways: How a caller may, or must, show who it is, in order.
            demands: What else is asked.
            count: Takes the method and what came of it.
        """
        self._ways = tuple(ways)
        self._scopes = demands.scopes
        self._roles = demands.roles
        self._count = count
        self._withhold = () if demands.forward_credentials else tuple(way.authenticator.withhold for way in ways)
        challenges = list(dict.fromkeys(way.authenticator.challenge for way in ways if way.authenticator.challenge))
        self._tells_missing = demands.tells_missing
        self._missing = _challenge(challenges, b"")
        self._invalid = _challenge(challenges, b', error="invalid_token"')
        scopes = " ".join(sorted(demands.scopes)).encode()
        lacking = b', error="insufficient_scope"' + (b', scope="%b"' % scopes if scopes else b"")
        self._lacking = _challenge([one for one in challenges if one.startswith(b"Bearer")], lacking)

    def _admit(self, exchange: Exchange, principal: Principal) -> None:
        """Let a known caller pass, if it may."""
        exchange.principal = principal
        if not self._scopes <= principal.scopes or (self._roles and self._roles.isdisjoint(principal.roles)):
            self._count(principal.method, "forbidden")
            raise Forbidden(headers=self._lacking)
        exchange.headers_out += principal.fields
        for withhold in self._withhold:
            withhold(exchange)

    def _shows_nothing(self) -> DownstreamError:
        self._count("none", "missing")
        return CredentialMissing(headers=self._missing) if self._tells_missing else self._bad()

    def _bad(self) -> CredentialInvalid:
        return CredentialInvalid("" if self._tells_missing else NO_KEY, self._invalid)

    def _refused(self, exchange: Exchange, way: Verification, error: CredentialInvalid) -> CredentialInvalid:
        """Return the error for the client; what was wrong stays here."""
        self._count(way.authenticator.name, "invalid")
        _log.debug(
            "Refused {method} of {address} on route {route}: {cause}",
            method=way.authenticator.name,
            address=exchange.client_address,
            route="" if exchange.route is None else exchange.route.name,
            cause=error.detail or "not valid",
            request_id=exchange.request_id,
        )
        return self._bad()


class Authentication(_Step):
    """One of several ways is enough: the first of which the request shows anything decides (C-20)."""

    def on_request(self, exchange: Exchange) -> Awaitable[None] | None:
        """Find out who is calling."""
        for way in self._ways:
            try:
                credential = way.find(exchange)
                if credential is None:
                    continue
                answer = way.principal(exchange, credential)
            except CredentialInvalid as error:
                raise self._refused(exchange, way, error) from None
            if not isinstance(answer, Principal):
                return self._wait(exchange, way, answer)
            self._admit(exchange, answer)
            return None
        raise self._shows_nothing()

    async def _wait(self, exchange: Exchange, way: Verification, answer: Awaitable[Principal]) -> None:
        try:
            principal = await answer
        except CredentialInvalid as error:
            raise self._refused(exchange, way, error) from None
        self._admit(exchange, principal)


class FullAuthentication(_Step):
    """Every way is needed. The caller is whom the first names, with its roles and scopes; the others have to hold."""

    async def on_request(self, exchange: Exchange) -> None:
        """Find out who is calling."""
        shown: list[tuple[Verification, bytes]] = []
        for way in self._ways:
            try:
                credential = way.find(exchange)
            except CredentialInvalid as error:
                raise self._refused(exchange, way, error) from None
            if credential is None:
                raise self._shows_nothing()
            shown.append((way, credential))
        principals: list[Principal] = []
        for way, credential in shown:
            try:
                answer = way.principal(exchange, credential)
                principals.append(answer if isinstance(answer, Principal) else await answer)
            except CredentialInvalid as error:
                raise self._refused(exchange, way, error) from None
        self._admit(exchange, _together(principals))


def _together(principals: Sequence[Principal]) -> Principal:
    """Make one principal of those that the ways named: the first, with what limits may count by from the others."""
    return replace(
        principals[0],
        claims=next((one.claims for one in principals if one.claims), {}),
        key_id=next((one.key_id for one in principals if one.key_id), ""),
        token_id=next((one.token_id for one in principals if one.token_id), ""),
        expires=min(one.expires for one in principals),
    )


def _challenge(challenges: Sequence[bytes], error: bytes) -> tuple[Field, ...]:
    """Return the fields for an answer; RFC 6750 section 3 adds the error to challenges of its own scheme."""
    return tuple((b"WWW-Authenticate", one + error if one.startswith(b"Bearer") else one) for one in challenges)
