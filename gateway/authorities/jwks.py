"""The keys that an issuer publishes, kept fresh (RFC 7517).

Asked by `gateway.identity.jwt`, which finds the keys in memory. They are
fetched again before they grow old, and at once for a token that none of them
has signed, as after a rotation of keys (D-98). The latter happens once in a cooldown:
otherwise anybody could have the issuer asked as often as they like. While the
issuer does not answer, the keys that it published last stay good.

# Note [Early questions]
Somebody may use up the question of a cooldown by a token with a made-up key. If
the issuer rotates its keys right after that, good tokens would be refused until
the cooldown is over. So each new set of keys allows for one more question
within a cooldown, an early one. There are never two early questions within one
cooldown, since an issuer whose instances publish different sets by turns would
allow for one each time. The key name that used up the ordinary question gets no
early one: a client that goes on showing tokens of another issuer leaves it to
others.

# Note [The states of a key set]
There are two sides. *Empty* (`_document` is None) until the first answer; a
token's key is then unknown rather than wrong: `AuthUnavailable`. *Held* from
then on for ever. Beside that it is *idle*, with a timer for the next fetch;
*fetching* (`_fetching`), with the requests that wait for the answer; or
*stopped*. After a fetch that failed (`_failures`) the timer is a short one, and a
key that is not held is unknown as well: it may have been published since.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred, ensureDeferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from gateway.authorities.publisher import Published, Publisher
from gateway.dialling.fetching import FetchFailed
from gateway.errors import AuthUnavailable
from gateway.identity.keys import Key, KeyUnusable, from_jwks

LEAST_AGE, MOST_AGE = 60.0, 3_600.0
"""Least and most seconds for which an issuer may say that its keys are good."""
AHEAD = 0.8
"""Share of that time after which they are fetched again."""
FIRST_RETRY, LAST_RETRY = 1.0, 60.0
"""Seconds until another try after the first failure, and at most; doubled with each failure."""

MOST_WAITING = 1_000
"""Most requests that wait for the keys of one issuer: a silent issuer holds no more of them."""

_log = Logger()


@dataclass(frozen=True, slots=True)
class Times:
    """How often an issuer is asked, in seconds.

    Attributes:
        refresh: How long keys are good where the issuer does not say it.
        cooldown: Least time between two questions for a key that is not held.
    """

    refresh: float = 300.0
    cooldown: float = 30.0


class JwksKeys(Service):
    """The keys of one issuer; see `gateway.identity.keys.KeySource`.

    Args:
        label: Names the issuer in metrics and logs.
        publisher: Asks the issuer.
        algorithms: Algorithms that keys may be used for.
        times: How often the issuer is asked.
        reactor: For the timers.
        random: From 0 up to 1; spreads the fetches of instances that started together.
        count: Counts fetches: `success` or `failure`.

    Attributes:
        label: As given.
        changed: Called when the set of keys has changed.
    """

    def __init__(
        self,
        label: str,
        publisher: Publisher,
        algorithms: frozenset[str],
        times: Times,
        reactor: Any,
        random: Callable[[], float],
        count: Callable[[str], None],
    ) -> None:
        self.label = label
        self.changed: Callable[[], None] = lambda: None
        self._publisher = publisher
        self._algorithms = algorithms
        self._times = times
        self._reactor = reactor
        self._random = random
        self._count = count
        self._all: tuple[Key, ...] = ()
        self._named: dict[str | None, tuple[Key, ...]] = {}
        self._document: dict[str, Any] | None = None
        self._fetched = 0.0
        self._failures = 0
        self._asked: float | None = None
        self._asked_for: str | None = None
        self._asked_early: float | None = None
        self._early = False
        self._fetching: Deferred[None] | None = None
        self._waiting: list[Deferred[None]] = []
        self._timer: Any = None

    def startService(self) -> None:
        """Fetch the keys at once, not with the first token."""
        super().startService()
        self._fetch()

    def stopService(self) -> Deferred[Any]:
        """Stop fetching; fires when connections are closed."""
        super().stopService()
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        if self._fetching is not None:
            self._fetching.cancel()
        return ensureDeferred(self._publisher.stop())

    def __len__(self) -> int:
        return len(self._all)

    @property
    def age(self) -> float:
        """Return the seconds since the keys were fetched; infinite where they never were."""
        return float(self._reactor.seconds() - self._fetched) if self._document is not None else float("inf")

    def keys(self, kid: str | None) -> Sequence[Key]:
        """Return the keys of a name, or those without a name where there are none; all for None."""
        if kid is None:
            return self._all
        return self._named.get(kid) or self._named.get(None, ())

    def more(self, algorithm: str, kid: str | None, found: Callable[[], bool]) -> Awaitable[None] | None:
        """Ask the issuer for a key that is not held.

        Returns:
            Fires when the issuer has been asked; None where it was asked just now, or the key cannot be published.

        Raises:
            AuthUnavailable: The issuer does not answer; raised here or when awaited.
        """
        if algorithm.startswith("HS"):
            return None  # the key is a secret: `from_jwks` takes none from a set
        if self._fetching is not None or self._may_ask(kid):
            return self._look(kid, found)
        self._check_known()
        return None

    async def _look(self, kid: str | None, found: Callable[[], bool]) -> None:
        if self._fetching is not None:
            # That fetch began before this token came. A key that is not in its answer may have been published since.
            await self._join()
            if found():
                return
        if self._fetching is None and self._may_ask(kid):
            self._spend(kid)
            self._fetch()
        await self._join()
        if not found():
            self._check_known()

    def _check_known(self) -> None:
        """Raise `AuthUnavailable` unless the set is up to date: a key that is not in it may exist otherwise (D-61)."""
        if self._failures or self._document is None:
            raise AuthUnavailable

    def _may_ask(self, kid: str | None) -> bool:
        wait = self._times.cooldown if self._document is not None else FIRST_RETRY
        return bool(self.running) and (self._is_past(self._asked, wait) or self._may_ask_early(kid))

    def _may_ask_early(self, kid: str | None) -> bool:
        """Whether an early question is left; see Note [Early questions]."""
        if not self._early or (kid is not None and kid == self._asked_for):
            return False
        return self._is_past(self._asked_early, self._times.cooldown)

    def _is_past(self, moment: float | None, wait: float) -> bool:
        return moment is None or bool(self._reactor.seconds() - moment >= wait)

    def _spend(self, kid: str | None) -> None:
        """Count a question that `_may_ask` has allowed: as the cooldown's own, or as an early one."""
        now = self._reactor.seconds()
        if self._document is None or self._is_past(self._asked, self._times.cooldown):
            self._asked, self._asked_for = now, kid
        else:
            self._asked_early, self._early = now, False

    async def _join(self) -> None:
        """Wait for the fetch that is under way; a request that is cancelled leaves it to the others.

        Raises:
            AuthUnavailable: Too many requests wait.
        """
        if self._fetching is not None:
            if len(self._waiting) >= MOST_WAITING:
                raise AuthUnavailable("Too many requests wait for the keys of their tokens.")
            waiting: Deferred[None] = Deferred()
            self._waiting.append(waiting)
            try:
                await waiting
            finally:
                if waiting in self._waiting:  # cancelled: the client is gone
                    self._waiting.remove(waiting)

    def _fetch(self) -> None:
        """Begin a fetch; `_over` wakes the requests that wait for it."""
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        fetching = ensureDeferred(self._ask())
        if not fetching.called:
            self._fetching = fetching
        fetching.addBoth(self._over)

    async def _ask(self) -> None:
        published = await self._publisher.ask()
        keys = from_jwks(published.document, self._algorithms)
        if not keys:
            raise KeyUnusable("no key in the set is for any of the algorithms")
        self._take(published, keys)

    def _take(self, published: Published, keys: Sequence[Key]) -> None:
        self._fetched = self._reactor.seconds()
        if self._failures:
            _log.info("The issuer of {label} answers again", label=self.label, event="keys.recovered")
        self._failures = 0
        self._count("success")
        said = published.max_age
        self._again((self._times.refresh if said is None else min(max(said, LEAST_AGE), MOST_AGE)) * AHEAD)
        if published.document == self._document:
            return
        self._document = published.document
        self._early = True
        self._all = tuple(keys)
        names = {key.kid for key in keys}
        self._named = {name: tuple(key for key in keys if key.kid == name) for name in names}
        _log.info("Keys of {label}: {count}", label=self.label, count=len(keys), event="keys.changed")
        self.changed()

    def _over(self, result: object) -> None:
        self._fetching = None
        if isinstance(result, Failure) and not result.check(CancelledError):
            self._failed(result)
        waiting, self._waiting = self._waiting, []
        for one in waiting:
            if not one.called:  # a request that was woken may have cancelled another
                one.callback(None)

    def _failed(self, failure: Failure) -> None:
        if not self._failures:
            words = failure.getErrorMessage()
            if failure.check(FetchFailed, KeyUnusable):
                _log.warn(
                    "The keys of {label} could not be fetched: {cause}",
                    label=self.label,
                    cause=words,
                    event="keys.failed",
                )
            else:
                _log.failure("The keys of {label} could not be fetched", failure, label=self.label)
        self._failures += 1
        self._count("failure")
        self._again(min(FIRST_RETRY * 2.0 ** min(self._failures - 1, 10), LAST_RETRY))

    def _again(self, seconds: float) -> None:
        if self.running:
            self._timer = self._reactor.callLater(seconds * (0.9 + 0.1 * self._random()), self._fetch)
