"""Send parcels by HTTP, over the gateway's own dialer (`gateway.dialling.fetching`).

A connection that breaks before the answer begins is tried once more there: what the receiver took and did not confirm
it gets twice, which is better than not at all.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from gateway.dialling.fetching import Fetched, Fetcher
from gateway.telemetry.shipping.contract import Parcel, Receipt

MOST = 256 * 1024
"""Octets of an answer that are read: bulk answers name each item."""


class Poster:
    """Posts to one receiver.

    Args:
        fetcher: Makes the requests.
    """

    def __init__(self, fetcher: Fetcher) -> None:
        self._fetcher = fetcher
        fetcher.startService()

    def post(self, parcel: Parcel) -> Deferred[Receipt]:
        """Send a parcel; fails where there is no whole answer."""
        asking: Deferred[Any] = self._fetcher.fetch(b"POST", parcel.url, parcel.fields, parcel.body)
        return asking.addCallback(_receipt)

    def stop(self) -> Deferred[Any]:
        """Close the connections that are kept."""
        return self._fetcher.stopService()


def _receipt(fetched: Fetched) -> Receipt:
    return Receipt(fetched.status, fetched.headers, fetched.body)
