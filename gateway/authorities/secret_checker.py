"""Compare secrets with slow hashes in threads, a few at a time.

Asked by `gateway.middleware.guesses`. A comparison takes a tenth of a
second of a processor and 64 MiB: two threads do it, a few comparisons may wait,
and further ones are refused.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from gateway.errors import AuthUnavailable
from gateway.identity.secrets import VerifiedSecrets, matches
from gateway.transport.threads import Threads

MOST_AT_ONCE = 2
MOST_WAITING = 16
"""Most comparisons that wait for a thread: a second or two of work."""


class SecretChecker(Service):
    """Compares secrets, and remembers for a while those that were right.

    Args:
        threads: `MOST_AT_ONCE` of them.
        verified: Secrets that were right a moment ago.
        now: Monotonic seconds.

    Attributes:
        under_way: How many comparisons have begun or wait.
    """

    def __init__(self, threads: Threads, verified: VerifiedSecrets, now: Callable[[], float]) -> None:
        self._threads = threads
        self._verified = verified
        self._now = now
        self._sparing = False
        self.under_way = 0

    def startService(self) -> None:
        """Begin to take comparisons."""
        super().startService()
        self._threads.startService()

    def stopService(self) -> Deferred[Any] | None:
        """Stop the threads; fires when no comparison is under way any more."""
        super().stopService()
        return self._threads.stopService()

    async def matches(self, secret: str, encoded: str, decoy: bool) -> bool:
        """Compare a secret with a hash.

        Args:
            secret: The secret that a client shows.
            encoded: The hash of the client's secret; a decoy's where there is no such client.
            decoy: Whether it is a decoy's: the answer is False, and takes as long as for a client that exists.

        Raises:
            AuthUnavailable: Too many comparisons are under way.
        """
        if not decoy and self._verified.knows(secret, encoded, self._now()):
            return True
        if self.under_way >= MOST_AT_ONCE + MOST_WAITING:
            raise AuthUnavailable("Too many clients authenticate at once.")
        right = await self._compare(secret, encoded) and not decoy
        if right:
            self._verified.add(secret, encoded, self._now())
        return right

    async def spares(self, secret: str, encoded: str, decoy: bool) -> bool:
        """Compare the secret of a client that has no attempts left; False also where nobody has time for that.

        One at a time, of all clients and addresses: who guesses on gets one thread busy at most, and the other clients
        have the rest. A decoy is compared too: an answer that came at once would say that there is no such client.
        """
        if not decoy and self._verified.knows(secret, encoded, self._now()):
            return True
        if self._sparing or self.under_way >= MOST_AT_ONCE:
            return False
        self._sparing = True
        try:
            return await self.matches(secret, encoded, decoy)
        finally:
            self._sparing = False

    def _compare(self, secret: str, encoded: str) -> Deferred[bool]:
        self.under_way += 1
        # A thread cannot be cancelled: a caller that goes leaves the comparison under way until it is done.
        waiting: Deferred[bool] = Deferred()

        def done(result: bool | Failure) -> None:
            self.under_way -= 1
            if not waiting.called:
                waiting.callback(result) if isinstance(result, bool) else waiting.errback(result)

        self._threads.call(matches, secret, encoded).addBoth(done)
        return waiting
