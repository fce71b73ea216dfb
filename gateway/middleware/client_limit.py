"""Limit the requests of each client of the token endpoint, and the failures of each address (C-21, D-57).

Not a step of a chain: the client's name stands in the form. So the endpoint asks when it has read the form, and
before it compares the secret, which is the costly part.

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

from gateway.exchange import Exchange
from gateway.limiting.keys import limit_key
from gateway.limiting.limit import Decide, Limit, LimitStore, Verdict
from gateway.middleware.rate_limit import Count, Refund, settle

MOST = 10_000
"""Most addresses that are remembered as having no failures left; one beyond that is found out when it fails again."""


class ClientLimit:
    """Three limits: attempts on one client from one address, failures of an address, and requests of a client.

    Whether an attempt fails is known only after the comparison. So once an address has no failures left, each further
    attempt from it is counted as a failure in advance.

    Args:
        store: Where requests are counted.
        by_client: For a client that has shown its secret.
        by_both: For attempts that name one client and come from one address.
        by_address: For the failures of an address.
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
        self._by_client = store.bind([by_client])
        self._by_both = store.bind([by_both])
        self._in_advance = store.bind([by_both, by_address])
        self._by_address = store.bind([by_address])
        self._address = limit_key(["ip"], "")
        self._count = count
        self._refunds = refunds or {}
        self._spent: dict[bytes, None] = {}

    async def admit(
        self, exchange: Exchange, client: str, is_right: Callable[[], Awaitable[bool]] | None = None
    ) -> bool:
        """Count an attempt, before anything is spent on it.

        Args:
            exchange: The attempt; its client address is counted.
            client: The client that it names.
            is_right: Asked where there were too many attempts: whether the secret is right, as far as there is time to
                find out. None where there is no such client.

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
            settle(exchange, verdict, self._count, self._refund(exchange))
            return False
        verdict = await _asked(self._in_advance, [both, address], exchange)
        if not verdict.allowed and is_right is not None and await is_right():
            return True
        if verdict.allowed and verdict.remaining:
            self._spent.pop(address, None)
        settle(exchange, verdict, self._count, self._refund(exchange))
        return True

    async def proved(self, exchange: Exchange, client: str) -> None:
        """Count a request of a client that has shown its secret.

        Raises:
            LimitExceeded: The client has made too many.
            gateway.errors.LimitUnavailable: They cannot be counted.
        """
        verdict = await _asked(self._by_client, [_digest(client)], exchange)
        settle(exchange, verdict, self._count, self._refund(exchange))

    def _refund(self, exchange: Exchange) -> Refund | None:
        return self._refunds.get(exchange.request.path) if self._refunds else None

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
