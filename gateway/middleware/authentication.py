"""Let authenticated callers pass, and tell the backend who they are.

Stands after the limits by address, which hold back a flood of bad
credentials, and before every step that needs the principal. An authenticator
(`gateway.interfaces.Authenticator`) finds and verifies a credential; the steps
here decide what a route does with the result.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from twisted.logger import Logger
from twisted.python.failure import Failure

from gateway.awaited import Awaited
from gateway.errors import CredentialInvalid, CredentialMissing, DownstreamError, Forbidden, OriginRefused
from gateway.exchange import Exchange
from gateway.http.fields import folded
from gateway.interfaces import PlacedAuthenticator
from gateway.middleware.verification import Verification
from gateway.principal import Principal

_log = Logger()

Field = tuple[bytes, bytes]

NO_KEY: Final = "The request shows no key that is valid."
"""The answer to a bad key and to no key alike, where a route does not tell the two apart."""


@dataclass(frozen=True, slots=True)
class Demands:
    """What a route asks of its callers beyond a valid credential.

    Attributes:
        scopes: The caller needs all of these.
        roles: The caller needs one of these; empty for any caller.
        forward_credentials: Whether the credential is forwarded to the backend.
        tells_missing: Whether a request without a credential gets another answer than one with a bad one (D-56).
    """

    scopes: frozenset[str] = frozenset()
    roles: frozenset[str] = frozenset()
    forward_credentials: bool = False
    tells_missing: bool = True


class _Step:
    """What both kinds of step have in common."""

    name = "authentication"

    def __init__(self, ways: Sequence[Verification], demands: Demands, count: Callable[[str, str], None]) -> None:
        """Prepare the answers: the client is not told what was wrong with a credential, so they never change.

        Args:
            ways: The ways to authenticate, in the order in which they are tried.
            demands: What the route asks beyond that.
            count: Counts results; takes the method and `verified`, `invalid`, `forbidden`, ….
        """
        self._ways = tuple(ways)
        self._scopes = demands.scopes
        self._roles = demands.roles
        self._count = count
        self._withhold = tuple(_withholders(ways, demands.forward_credentials))
        challenges = list(dict.fromkeys(way.authenticator.challenge for way in ways if way.authenticator.challenge))
        self._tells_missing = demands.tells_missing
        self._missing = _challenge(challenges, b"")
        self._invalid = _challenge(challenges, b', error="invalid_token"')
        scopes = " ".join(sorted(demands.scopes)).encode()
        lacking = b', error="insufficient_scope"' + (b', scope="%b"' % scopes if scopes else b"")
        self._lacking = _challenge([one for one in challenges if one.startswith(b"Bearer")], lacking)

    def admit(self, exchange: Exchange, principal: Principal) -> None:
        """Let an authenticated caller pass, if it has the scopes and roles."""
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

    def refused(self, exchange: Exchange, way: Verification, error: CredentialInvalid) -> CredentialInvalid:
        """Return the error for the client; only the log and the counters learn what was wrong."""
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
    """One of several ways is enough: the first whose credential the request shows decides (C-20, D-47)."""

    def on_request(self, exchange: Exchange) -> Awaitable[None] | None:
        """Authenticate the caller."""
        for way in self._ways:
            try:
                known = way.known(exchange)
                if known is not None:
                    self.admit(exchange, known)
                    return None
                credential = way.find(exchange)
                if credential is None:
                    continue
                answer = way.principal(exchange, credential)
            except CredentialInvalid as error:
                raise self.refused(exchange, way, error) from None
            except OriginRefused:
                self._count(way.authenticator.name, "forbidden")
                raise
            if not isinstance(answer, Principal):
                return (
                    Admitting(self, exchange, way, answer)
                    if isinstance(answer, Awaited)
                    else self._wait(exchange, way, answer)
                )
            self.admit(exchange, answer)
            return None
        raise self._shows_nothing()

    async def _wait(self, exchange: Exchange, way: Verification, answer: Awaitable[Principal]) -> None:
        try:
            principal = await answer
        except CredentialInvalid as error:
            raise self.refused(exchange, way, error) from None
        self.admit(exchange, principal)


class Admitting(Awaited):
    """An exchange whose credential is being verified: let pass, or refused, when that is done (D-266).

    Args:
        step: Decides.
        exchange: The exchange.
        way: Verifies.
        asked: What tells the principal; `exchange` is its only hearer.
    """

    __slots__ = ("_asked", "_exchange", "_step", "_way")

    def __init__(self, step: _Step, exchange: Exchange, way: Verification, asked: Awaited) -> None:
        super().__init__()
        self._step = step
        self._exchange = exchange
        self._way = way
        self._asked = asked
        asked.hear(self)

    def callback(self, value: Any) -> None:
        """Take the principal."""
        if self.told:
            return
        try:
            self._step.admit(self._exchange, value)
        except Exception:  # noqa: BLE001 - Forbidden: raised in the chain, which answers with it
            super().errback(Failure())
            return
        super().callback(None)

    def errback(self, failure: Failure) -> None:
        """Take the failure: what was wrong with a credential is for the log."""
        if self.told:
            return
        error = failure.value
        if isinstance(error, CredentialInvalid):
            failure = Failure(self._step.refused(self._exchange, self._way, error))
        super().errback(failure)

    def cancel(self) -> None:
        """The client has gone: others may wait for the same credential."""
        self._asked.cancel()


class FullAuthentication(_Step):
    """Every way is needed.

    The caller is the principal of the first way, with its roles and scopes; the credentials of the other ways must be
    valid.
    """

    async def on_request(self, exchange: Exchange) -> None:
        """Authenticate the caller."""
        shown: list[tuple[Verification, bytes]] = []
        for way in self._ways:
            try:
                credential = way.find(exchange)
            except CredentialInvalid as error:
                raise self.refused(exchange, way, error) from None
            except OriginRefused:
                self._count(way.authenticator.name, "forbidden")
                raise
            if credential is None:
                raise self._shows_nothing()
            shown.append((way, credential))
        principals: list[Principal] = []
        for way, credential in shown:
            try:
                answer = way.principal(exchange, credential)
                principals.append(answer if isinstance(answer, Principal) else await answer)
            except CredentialInvalid as error:
                raise self.refused(exchange, way, error) from None
        self.admit(exchange, _together(principals))


def _withholders(ways: Sequence[Verification], forwards: bool) -> Iterator[Callable[[Exchange], None]]:
    """Yield what takes credentials out of requests: all, or those that nobody has verified."""
    for way in ways:
        if not forwards:
            yield way.authenticator.withhold
        elif isinstance(way.authenticator, PlacedAuthenticator):
            yield way.authenticator.withhold_others


def _together(principals: Sequence[Principal]) -> Principal:
    """Return the first principal, ending with the first that ends.

    It is completed from the others by what limits may count by, and by further claims of theirs that backends are told.
    """
    fields = list(principals[0].fields)
    for principal in principals[1:]:
        told = {folded(name.lower()) for name, _ in fields}
        fields += [field for field in principal.further if folded(field[0].lower()) not in told]
    return replace(
        principals[0],
        fields=tuple(fields),
        claims=next((one.claims for one in principals if one.claims), {}),
        key_id=next((one.key_id for one in principals if one.key_id), ""),
        token_id=next((one.token_id for one in principals if one.token_id), ""),
        expires=min(one.expires for one in principals),
    )


def _challenge(challenges: Sequence[bytes], error: bytes) -> tuple[Field, ...]:
    """Return the `WWW-Authenticate` fields of an answer; RFC 6750 section 3 adds the error to `Bearer` challenges."""
    return tuple((b"WWW-Authenticate", one + error if one.startswith(b"Bearer") else one) for one in challenges)
