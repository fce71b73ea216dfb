"""What a shipper and the place that it sends to have agreed on.

A `Sink` knows one receiver: how it wants a batch, and what its answers mean. It keeps no state of its own about
batches, opens nothing and has no clock.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple, Protocol

from twisted.internet.defer import Deferred

from gateway.headers import Headers


class Parcel(NamedTuple):
    """A batch in its receiver's format: a POST."""

    url: bytes
    fields: Sequence[tuple[bytes, bytes]]
    body: bytes


class Receipt(NamedTuple):
    """What the receiver answered, read to its end."""

    status: int
    headers: Headers
    body: bytes


class Verdict(NamedTuple):
    """What an answer means for a batch.

    Attributes:
        again: Those of its items that are to be sent again, in their order.
        refused: How many of the others were refused for good.
        said: What the receiver gave as its reason; for the log.
    """

    again: Sequence[bytes] = ()
    refused: int = 0
    said: str = ""


class Sink(Protocol):
    """One receiver.

    Attributes:
        name: For the log and for labels of metrics, such as `otlp`; the same for all that is sent there.
        what: What is sent, in the plural: `spans`, `log records`.
        where: The URL, without credentials, for the log.
    """

    @property
    def name(self) -> str: ...
    @property
    def what(self) -> str: ...
    @property
    def where(self) -> str: ...

    def pack(self, items: Sequence[bytes]) -> Parcel:
        """Make the request for a batch of one item or more."""

    def judge(self, items: Sequence[bytes], receipt: Receipt) -> Verdict:
        """Say what an answer means for the batch that it is about."""


Post = Callable[[Parcel], "Deferred[Receipt]"]
"""Sends a parcel. Fails, with a text for the log, where there is no whole answer."""

OK: Final = Verdict()

_LATER: Final = frozenset({408, 429})
_LONGEST: Final = 200


def judge_status(items: Sequence[bytes], receipt: Receipt) -> Verdict:
    """Judge a whole batch by the status alone: done, to be sent again (408, 429, from 500 up), or refused for good."""
    if 200 <= receipt.status < 300:
        return OK
    text = receipt.body[:_LONGEST].decode("utf-8", "replace").strip()
    said = f"it answered {receipt.status}" + (f": {text}" if text else "")
    if receipt.status in _LATER or receipt.status >= 500:
        return Verdict(again=items, said=said)
    return Verdict(refused=len(items), said=said)


def squeezed(
    body: bytes, fields: Sequence[tuple[bytes, bytes]], compress: bool
) -> tuple[bytes, list[tuple[bytes, bytes]]]:
    """Compress a body where that is wanted, and say so in the fields.

    Level 1: the batches are made on the reactor's thread, and what telemetry repeats is found by that as well.
    """
    if not compress:
        return body, list(fields)
    return gzip.compress(body, 1, mtime=0), [*fields, (b"Content-Encoding", b"gzip")]
