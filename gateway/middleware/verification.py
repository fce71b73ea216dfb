"""An authenticator, with a cache of its results.

Asked by `gateway.middleware.authentication`. A credential that was verified a
moment ago is found by its hash: one look-up, no Deferred. Where several
requests show the same new credential at once, it is verified once, for the
first, and the others wait for that result.

# Note [What is known of a credential]
*Nothing*: a request that shows it has it verified. *In flight*: it is being
verified, and requests that show it wait (`_Flight`). *Admitted*: its principal is
cached, until the credential expires at most. *Refused*: so is that it is not
valid, for a shorter time. A flight that ends without an answer, or after the
cache was told to forget something, leads back to nothing. The deny-list is
beside this: it is asked for each request, also where the principal is cached.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

from twisted.internet.defer import Deferred, ensureDeferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from gateway.awaited import Awaited
from gateway.errors import AuthUnavailable, CredentialInvalid
from gateway.exchange import Exchange
from gateway.identity.results import Results
from gateway.identity.revocations import Revocations
from gateway.interfaces import Authenticator
from gateway.principal import Principal

MOST_WAITING: Final = 2_000
"""Most exchanges that wait for one authenticator: an authority that does not answer holds no more of them."""

_log = Logger()


@dataclass(frozen=True, slots=True)
class Memory:
    """What all verifications of a configuration share.

    Attributes:
        results: The cached results.
        revocations: Credentials that are refused, valid or not.
        describe: Makes the fields that tell a backend about a principal.
        now: Monotonic seconds.
        wall_clock: Unix seconds.
        count: Counts results; takes the method and `verified`, `cached`, ….
    """

    results: Results
    revocations: Revocations
    describe: Callable[[Principal], tuple[tuple[bytes, bytes], ...]]
    now: Callable[[], float]
    wall_clock: Callable[[], float]
    count: Callable[[str, str], None]


class Verification:
    """An authenticator behind the cache.

    Args:
        authenticator: Verifies credentials that are not in the cache.
        seed: Stands for the authenticator's configuration (D-60); results that were kept under another are not found.
        memory: Shared by all verifications.

    Attributes:
        authenticator: As given.
        find: The authenticator's `find`: returns the credential that a request shows.
    """

    __slots__ = (
        "_by_fields",
        "_cacheable",
        "_count",
        "_crowd",
        "_flights",
        "_known",
        "_mark",
        "_memory",
        "_method",
        "_revocations",
        "_seed",
        "authenticator",
        "find",
    )

    def __init__(self, authenticator: Authenticator, seed: bytes, memory: Memory) -> None:
        self.authenticator = authenticator
        self.find = authenticator.find
        self._cacheable = authenticator.cacheable
        self._by_fields: bool = self._cacheable and getattr(authenticator, "by_fields", False)
        self._mark = object()  # stands for this verification, and keeps nothing of its configuration alive
        self._method = authenticator.name
        self._seed = seed
        self._memory = memory
        self._known = memory.results.known
        self._revocations = memory.revocations
        self._count = memory.count
        self._flights: dict[bytes, _Flight] = {}
        self._crowd = _Crowd()

    def known(self, exchange: Exchange) -> Principal | None:
        """Return the principal of a request whose fields came before with the same octets; None where it is not known.

        Note [The same credential again]: where nothing but the fields decides which credential a request shows, the
        block of fields that a parser remembers (`gateway.http1.memo`) keeps the hash of that credential. So a request
        with a head that is known needs no look for its credential, and no hash of it (D-144). What is known *under*
        the hash is looked up as always: whether its time is over, and whether it is revoked.
        """
        if not self._by_fields:
            return None
        block = exchange.request.headers.block
        if block is None or block.credential is None or block.credential[0] is not self._mark:
            return None
        found = self._known.get(block.credential[1])
        if found is None or found[1] <= exchange.started or self._revocations:
            return None
        self._count(self._method, "cached")
        return found[0]

    def principal(self, exchange: Exchange, credential: bytes) -> Principal | Awaitable[Principal]:
        """Return the principal that a credential belongs to.

        Raises:
            CredentialInvalid: The credential is not valid; `detail` has the cause, for the log only.
            AuthUnavailable: The credential cannot be verified now.
        """
        if not self._cacheable:
            return self._ask(exchange, credential)
        key = sha256(self._seed + credential).digest()
        found = self._known.get(key)
        # Saves a look at the clock: the exchange has just begun.
        if found is None or found[1] <= exchange.started:
            return self._look_up(key, exchange, credential)
        principal = found[0]
        if self._revocations and self._revocations.refuses(principal, self._memory.wall_clock()):
            raise CredentialInvalid("revoked")
        if self._by_fields:
            block = exchange.request.headers.block
            if block is not None:
                block.credential = (self._mark, key)
        self._count(self._method, "cached")
        return principal

    def _look_up(self, key: bytes, exchange: Exchange, credential: bytes) -> Principal | Awaitable[Principal]:
        if self._memory.results.refused(key, exchange.started):
            raise CredentialInvalid("refused a moment ago")
        if self._crowd.size >= MOST_WAITING:
            self._count(self._method, "unavailable")
            raise AuthUnavailable("Too many requests wait for their credentials to be verified.")
        flight = self._flights.get(key)
        if flight is not None:
            return flight.join()
        try:
            answer = self._ask(exchange, credential)
        except CredentialInvalid:
            self._memory.results.refuse(key, self._memory.now())
            raise
        if isinstance(answer, Principal):
            self._keep(key, answer)
            return answer
        flight = self._flights[key] = _Flight(self._crowd, lambda: self._flights.pop(key, None))
        joined = flight.join()
        version = self._memory.results.version
        flight.take_off(answer, lambda value: self._landed(key, value, version))
        return joined

    def _ask(self, exchange: Exchange, credential: bytes) -> Principal | Awaitable[Principal]:
        try:
            answer = self.authenticator.verify(credential, exchange)
        except AuthUnavailable:
            self._count(self._method, "unavailable")
            raise
        return self._verified(answer) if isinstance(answer, Principal) else self._wait(answer)

    async def _wait(self, answer: Awaitable[Principal]) -> Principal:
        try:
            return self._verified(await answer)
        except AuthUnavailable:
            self._count(self._method, "unavailable")
            raise

    def _verified(self, principal: Principal) -> Principal:
        if self._revocations and self._revocations.refuses(principal, self._memory.wall_clock()):
            raise CredentialInvalid("revoked")
        try:
            fields = self._memory.describe(principal)
        except UnicodeEncodeError:
            raise CredentialInvalid("a name in it is not text") from None
        self._count(self._method, "verified")
        return Principal(
            principal.subject,
            principal.roles,
            principal.scopes,
            principal.method,
            principal.claims,
            principal.key_id,
            principal.token_id,
            principal.expires,
            fields + principal.fields,
            principal.further,
        )

    def _keep(self, key: bytes, principal: Principal) -> None:
        left = principal.expires - self._memory.wall_clock()
        self._memory.results.keep(key, principal, self._memory.now(), left)

    def _landed(self, key: bytes, value: Principal | Failure, version: int) -> None:
        if version != self._memory.results.version:
            return  # the cache has forgotten something meanwhile (a revocation): this result may be too old to keep
        if isinstance(value, Principal):
            self._keep(key, value)
        elif value.check(CredentialInvalid):
            self._memory.results.refuse(key, self._memory.now())


class _Crowd:
    """How many exchanges wait for all flights of one verification."""

    __slots__ = ("size",)

    def __init__(self) -> None:
        self.size = 0


class _Flight:
    """One credential that is being verified, and the exchanges that wait for the result.

    When a client goes away the others still get the result; when the last one goes the verification is cancelled.

    Args:
        crowd: Counts the exchanges that wait.
        close: Called when no further exchange may join.
    """

    __slots__ = ("_close", "_crowd", "_running", "_waiting")

    def __init__(self, crowd: _Crowd, close: Callable[[], object]) -> None:
        self._crowd = crowd
        self._close = close
        self._waiting: set[_Passenger] = set()
        self._running: Deferred[Any] | None = None

    def join(self) -> _Passenger:
        waiting = _Passenger(self)
        self._waiting.add(waiting)
        self._crowd.size += 1
        return waiting

    def take_off(self, answer: Awaitable[Principal], landed: Callable[[Principal | Failure], None]) -> None:
        """Begin to wait for `answer`; `landed` gets the result before the waiting exchanges do."""

        def land(value: Principal | Failure) -> None:
            if self._waiting:
                self._close()
                landed(value)
            while self._waiting:
                one = self._waiting.pop()
                self._crowd.size -= 1
                if isinstance(value, Failure):
                    one.errback(value)
                else:
                    one.callback(value)

        self._running = ensureDeferred(_await(answer)).addBoth(land)
        self._running.addErrback(lambda failure: _log.failure("Verifying a credential", failure))

    def left(self, waiting: _Passenger) -> None:
        """One of them waits no more."""
        if waiting not in self._waiting:
            return
        self._waiting.discard(waiting)
        self._crowd.size -= 1
        if not self._waiting and self._running is not None:
            self._close()
            self._running.cancel()


class _Passenger(Awaited):
    """An exchange that waits for a flight to land."""

    __slots__ = ("_flight",)

    def __init__(self, flight: _Flight) -> None:
        super().__init__()
        self._flight = flight

    def cancel(self) -> None:
        self._flight.left(self)
        super().cancel()


async def _await(answer: Awaitable[Principal]) -> Principal:
    return await answer
