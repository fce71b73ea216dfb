"""Hold the clients of the token endpoint to so many requests, each and by address (C-21).

No step that stands before the endpoint: who the client says to be stands in
its form, so the endpoint asks when it has read that, and before anything that
costs. Failed attempts count like others.
"""

from __future__ import annotations

from collections.abc import Awaitable
from hashlib import blake2b

from gateway.exchange import Exchange
from gateway.limiting.keys import limit_key
from gateway.limiting.limit import Limit, LimitStore, Verdict
from gateway.middleware.rate_limit import Count, settle


class ClientLimit:
    """Two limits: for what names itself as a client, and for an address.

    Args:
        store: Where requests are counted.
        by_client: For a client.
        by_address: For an address.
        count: Counts decisions.
    """

    def __init__(self, store: LimitStore, by_client: Limit, by_address: Limit, count: Count) -> None:
        self._both = store.bind([by_client, by_address])
        self._alone = store.bind([by_address])
        self._address = limit_key(["ip"], "")
        self._count = count

    def admit(self, exchange: Exchange, client: str) -> Awaitable[None] | None:
        """Count a request.

        Args:
            exchange: Whose address counts.
            client: Who it says to be; empty where it says nothing.

        Raises:
            LimitExceeded: There were too many, of the client or of the address.
            gateway.errors.LimitUnavailable: They cannot be counted.
        """
        address = self._address(exchange)
        if client:
            # A name is the caller's to choose: of one length, and in no store as it was written.
            keys = [blake2b(client.encode(), digest_size=16).digest(), address]
            verdict = self._both(keys, exchange.started)
        else:
            verdict = self._alone([address], exchange.started)
        if isinstance(verdict, Verdict):
            settle(exchange, verdict, self._count)
            return None
        return self._settle_later(exchange, verdict)

    async def _settle_later(self, exchange: Exchange, verdict: Awaitable[Verdict]) -> None:
        settle(exchange, await verdict, self._count)
