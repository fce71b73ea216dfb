"""Limit guesses at secrets, and the requests of each client of the token endpoint (C-21, D-57).

Not a step of a chain: who is named stands in a form, or in a credential that is only now looked at. So
`gateway.middleware.guesses` asks when that was read, and before it compares the secret, which is the costly part.

# Note [What is counted when]
Before the secret is compared, anybody may have sent the request. If it were counted for the client, strangers could
use up the client's limit; so it is counted for the client's name and the address together (D-100). After that, a right
secret is counted for the client, whatever address it comes from; a wrong one for the address, whatever client it
names. A right secret is not counted for its address: many clients may share one.

Who has no attempts left is refused, unless the secret is right after all: a client that shares its address with
somebody who guesses still gets its tokens. `authorities.secret_checker` bounds what finding that out may cost.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from hashlib import blake2b

from gateway.errors import LimitExceeded
from gateway.exchange import Exchange
from gateway.limiting.keys import limit_key
from gateway.limiting.limit import Decide, Limit, LimitStore, Verdict
from gateway.middleware.rate_limit import Count, Refund, retry_after, settle

MOST = 10_000
"""Most addresses that are remembered as having no failures left; one beyond that is found out when it fails again."""


class GuessLimit:
    """Two limits: attempts on one client from one address, and failures of an address.

    Whether an attempt fails is known only after the comparison. So once an address has no failures left, each further
    attempt from it is counted as a failure in advance.

    Args:
        store: Where attempts are counted.
        by_both: For attempts that name one client and come from one address.
        by_address: For the failures of an address.
        count: Counts decisions.
    """

    def __init__(self, store: LimitStore, by_both: Limit, by_address: Limit, count: Count) -> None:
        self._by_both = store.bind([by_both])
        self._in_advance = store.bind([by_both, by_address])
        self._by_address = store.bind([by_address])
        self._address = limit_key(["ip"], "")
        self._count = count
        self._spent: dict[bytes, None] = {}

    async def admit(
        self, exchange: Exchange, client: str, is_right: Callable[[], Awaitable[bool]] | None = None
    ) -> bool:
        """Count an attempt, before anything is spent on it.

        Args:
            exchange: The attempt; its client address is counted.
            client: The client that it names.
            is_right: Asked where there were too many attempts: whether the secret is right, as far as there is time to
                find out. None where nobody can tell.

        Returns:
            Whether a failure of the address was counted in advance; `failed` must not be called then.

        Raises:
            LimitExceeded: There were too many from the address, on this client or on all together.
            gateway.errors.LimitUnavailable: They cannot be counted.
        """
        address = self._address(exchange)
        both = _digest(client) + address  # the digest has one length, so no two pairs make the same key
        if address not in self._spent:
            verdict = await _asked(self._by_both, [both], exchange)
            if not verdict.allowed and is_right is not None and await is_right():
                return True
            self._settle(exchange, verdict)
            return False
        verdict = await _asked(self._in_advance, [both, address], exchange)
        if not verdict.allowed and is_right is not None and await is_right():
            return True
        if verdict.allowed and verdict.remaining:
            self._spent.pop(address, None)
        self._settle(exchange, verdict)
        return True

    async def failed(self, exchange: Exchange) -> None:
        """Count a failure for its address.

        Raises:
            LimitExceeded: There were too many.
            gateway.errors.LimitUnavailable: They cannot be counted.
        """
        address = self._address(exchange)
        verdict = await _asked(self._by_address, [address], exchange)
        if not verdict.remaining:
            self._spent[address] = None
            if len(self._spent) > MOST:
                del self._spent[next(iter(self._spent))]
        self._settle_failure(exchange, verdict)

    def _settle(self, exchange: Exchange, verdict: Verdict) -> None:
        """Let an attempt pass or refuse it; a route's own limits, which its fields tell of, are no concern of this."""
        self._count("allowed" if verdict.allowed else "limited")
        self._settle_failure(exchange, verdict)

    def _settle_failure(self, exchange: Exchange, verdict: Verdict) -> None:
        """Do so without a further decision in the metric: `admit` has counted one for this attempt."""
        if not verdict.allowed:
            raise LimitExceeded(headers=retry_after(verdict))


class ClientLimit(GuessLimit):
    """A third limit besides: the requests of a client. What is left is shown in the fields of the answer.

    Args:
        store: Where requests are counted.
        by_client: For a client that has shown its secret.
        by_both: As in `GuessLimit`.
        by_address: As in `GuessLimit`.
        count: Counts decisions.
        refunds: By path of the endpoint, the function that gives back what the limits before it took (R-RL-09).
    """

    def __init__(
        self,
        store: LimitStore,
        by_client: Limit,
        by_both: Limit,
        by_address: Limit,
        count: Count,
        refunds: Mapping[bytes, Refund] | None = None,
    ) -> None:
        super().__init__(store, by_both, by_address, count)
        self._by_client = store.bind([by_client])
        self._refunds = refunds or {}

    async def proved(self, exchange: Exchange, client: str) -> None:
        """Count a request of a client that has shown its secret.

        Raises:
            LimitExceeded: The client has made too many.
            gateway.errors.LimitUnavailable: They cannot be counted.
        """
        self._settle(exchange, await _asked(self._by_client, [_digest(client)], exchange))

    def _settle(self, exchange: Exchange, verdict: Verdict) -> None:
        refund = self._refunds.get(exchange.request.path) if self._refunds else None
        settle(exchange, verdict, self._count, refund)

    def _settle_failure(self, exchange: Exchange, verdict: Verdict) -> None:
        # Count one decision for each attempt: `admit` has counted it, unless the attempt named no client.
        settle(exchange, verdict, self._count if exchange.rate_limit is None else _ignore)


async def _asked(decide: Decide, keys: Sequence[bytes], exchange: Exchange) -> Verdict:
    verdict = decide(keys, exchange.started)
    return verdict if isinstance(verdict, Verdict) else await verdict


def _digest(client: str) -> bytes:
    """Hash a client's name: the caller chooses it, so it may be long, and may be a secret in the wrong field."""
    return blake2b(client.encode(), digest_size=16).digest()


def _ignore(outcome: str) -> None:
    """Count nothing: the decision has been counted already."""
