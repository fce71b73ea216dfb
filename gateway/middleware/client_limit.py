"""Hold the clients of the token endpoint to so many requests, each, and by address where they fail (C-21).

No step that stands before the endpoint: who the client says to be stands in
its form, so the endpoint asks when it has read that, and before anything that
costs. Whoever shows the right secret takes nothing of its address: many
clients may be behind one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import blake2b

from gateway.exchange import Exchange
from gateway.limiting.keys import limit_key
from gateway.limiting.limit import Decide, Limit, LimitStore, Verdict
from gateway.middleware.rate_limit import Count, Refund, settle

MOST = 10_000
"""Addresses without anything left that are remembered; of others that is found out when they fail again."""


class ClientLimit:
    """Two limits: for what names itself as a client, and for the failures of an address.

    An attempt may only fail where its address has something left for that, which nobody knows before. So once it has
    nothing left, each further attempt takes from it in advance.

    Args:
        store: Where requests are counted.
        by_client: For a client.
        by_address: For an address.
        count: Counts decisions.
        refunds: By path of ours, what gives back what the limits before it took (R-RL-09).
    """

    def __init__(
        self,
        store: LimitStore,
        by_client: Limit,
        by_address: Limit,
        count: Count,
        refunds: Mapping[bytes, Refund] | None = None,
    ) -> None:
        self._by_client = store.bind([by_client])
        self._both = store.bind([by_client, by_address])
        self._by_address = store.bind([by_address])
        self._address = limit_key(["ip"], "")
        self._count = count
        self._refunds = refunds or {}
        self._spent: dict[bytes, None] = {}

    async def admit(self, exchange: Exchange, client: str) -> bool:
        """Count an attempt, before anything is spent on it.

        Args:
            exchange: Whose address counts.
            client: Who it says to be.

        Returns:
            Whether it has taken from its address already, should it fail.

        Raises:
            LimitExceeded: There were too many, of the client or of the address.
            gateway.errors.LimitUnavailable: They cannot be counted.
        """
        # A name is the caller's to choose: of one length, and in no store as it was written.
        name = blake2b(client.encode(), digest_size=16).digest()
        address = self._address(exchange)
        if address not in self._spent:
            settle(exchange, await _asked(self._by_client, [name], exchange), self._count, self._refund(exchange))
            return False
        verdict = await _asked(self._both, [name, address], exchange)
        if verdict.allowed and verdict.remaining:
            self._spent.pop(address, None)
        settle(exchange, verdict, self._count, self._refund(exchange))
        return True

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
        # As a decision an attempt counts once: `admit` has let it in, or it has named nobody to be asked about.
        settle(exchange, verdict, self._count if exchange.rate_limit is None else _ignore)


async def _asked(decide: Decide, keys: Sequence[bytes], exchange: Exchange) -> Verdict:
    verdict = decide(keys, exchange.started)
    return verdict if isinstance(verdict, Verdict) else await verdict


def _ignore(outcome: str) -> None:
    """It is counted already."""
