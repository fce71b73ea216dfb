"""Give every exchange an id, the same in the log, at the backend and at the client.

First in the chain, so that whatever happens later is logged with the id. The
forwarder never copies the client's own `X-Request-ID`: the backend gets the one
that is put into `headers_out` here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container
from typing import Final

from gateway.exchange import Exchange

_BATCH: Final = 256
_WIDTH: Final = 36
_DASHES: Final = (8, 13, 18, 23)
# RFC 9562 section 5.4: four bits say the version, two the variant; the rest is random.
_VERSION_AT: Final = 14
_VARIANT_AT: Final = 19
_VARIANTS: Final = bytes.maketrans(b"0123456789abcdef", b"89ab" * 4)

_acceptable: Final = re.compile(rb"[A-Za-z0-9._:/+=-]{1,128}").fullmatch


class RequestId:
    """Keep the id that a trusted proxy gave, or make a new one: a UUID (RFC 9562, version 4)."""

    __slots__ = ("_made", "_random_bytes", "_trusted")

    name = "request_id"

    def __init__(self, random_bytes: Callable[[int], bytes], trusted: Container[str]) -> None:
        """Prepare.

        Args:
            random_bytes: `os.urandom`; asked for a batch at a time, since asking costs more than the bytes.
            trusted: Addresses whose `X-Request-ID` is believed. Anybody else could make two requests look like one.
        """
        self._random_bytes = random_bytes
        self._trusted = trusted
        self._made: list[bytes] = []

    def on_request(self, exchange: Exchange) -> None:
        """Decide on the id and send it along."""
        headers = exchange.request.headers
        value = headers.index.get(b"x-request-id")
        if (
            value is None
            or exchange.peer.address not in self._trusted
            or not _acceptable(value)
            or len(headers.get_all(b"x-request-id")) > 1
        ):
            value = (self._made or self._make()).pop()
        exchange.request_id = value.decode("ascii")
        exchange.headers_out.append((b"X-Request-ID", value))

    def on_response(self, exchange: Exchange) -> None:
        """Tell the client, whoever made the answer."""
        response = exchange.response
        if response is None:
            return
        response.headers.put(b"x-request-id", b"X-Request-ID", exchange.request_id.encode("ascii"))

    def new(self) -> str:
        """Make an id, for an error that happened before there was an exchange."""
        return (self._made or self._make()).pop().decode("ascii")

    def _make(self) -> list[bytes]:
        # Digits for all places of all ids; then what is not random, place by place. 0.08 µs an id, and 0.17 where each
        # is put together of its parts.
        texts = bytearray(self._random_bytes(_WIDTH // 2 * _BATCH).hex().encode("ascii"))
        for place in _DASHES:
            texts[place::_WIDTH] = b"-" * _BATCH
        texts[_VERSION_AT::_WIDTH] = b"4" * _BATCH
        texts[_VARIANT_AT::_WIDTH] = texts[_VARIANT_AT::_WIDTH].translate(_VARIANTS)
        made = bytes(texts)
        self._made = [made[at : at + _WIDTH] for at in range(0, _WIDTH * _BATCH, _WIDTH)]
        return self._made
