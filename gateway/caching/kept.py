"""One answer that was kept, and its octets for a store that is elsewhere.

What is given again is never changed: its fields are a `HeaderBlock`, whose lines the writer to the client remembers,
and its content is one object that all answers share.

# Note [The times of a kept answer]
All are seconds of the wall clock, since instances share answers. `born` is when the answer was made, by the age that it
came with (RFC 9111 section 4.2.3): its age is the time since then. It is *fresh* until `fresh`. After that it may be
given while a newer one is fetched, until `lent` (RFC 5861 section 3), or in place of an error, until `saved` (section
4); one that forbids that has both where it has `fresh`. It is of use until `until`: a validator may make it fresh
again. One that has to be validated each time (`no-cache`) is fresh until it was born.
"""

from __future__ import annotations

import struct
from typing import Final

from gateway.headers import Field, HeaderBlock, Headers

OVERHEAD: Final = 1300
"""Octets that an answer takes beside its content and fields, roughly."""
_OF_FIELD: Final = 120
"""Those that a field takes beside its name and value."""
_OF_TAG: Final = 50
"""Those that a tag takes beside its text."""

Values = tuple[bytes | None, ...]
"""What the request fields are, in normal form, that an answer was chosen by; None for one that is not there."""

_FORMAT: Final = 1
_NUMBERS: Final = struct.Struct("!BHdddddHHI")
"""Format, status, `born`, `fresh`, `lent`, `saved`, `until`, how many fields and tags, octets of content."""
_LENGTHS: Final = struct.Struct("!HI")


class Kept:
    """An answer as it is given again.

    Attributes:
        status: Of the answer.
        block: Its fields, without Age, those of one hop, and those that are for its first client only.
        body: Its content.
        born: See Note [The times of a kept answer].
        fresh: Likewise.
        lent: Likewise.
        saved: Likewise.
        until: Likewise.
        tags: What it may be purged by.
        stamp: Of the store that has it: what it knew of purges. An answer that takes the place of this one has the
            same.
        etag: Its entity tag as written; None without one.
        modified: Its `Last-Modified`; None without one.
        shown: Its fields with what a hit says, for `shown_as`; None as long as nobody has made that.
        shown_as: The age and the time left, in seconds, that a hit said last.
    """

    __slots__ = (
        "block",
        "body",
        "born",
        "etag",
        "fresh",
        "lent",
        "modified",
        "saved",
        "shown",
        "shown_as",
        "stamp",
        "status",
        "tags",
        "until",
    )

    def __init__(
        self,
        status: int,
        block: HeaderBlock,
        body: bytes,
        born: float,
        fresh: float,
        lent: float,
        saved: float,
        until: float,
        tags: tuple[bytes, ...] = (),
        stamp: int = 0,
    ) -> None:
        self.status = status
        self.block = block
        self.body = body
        self.born = born
        self.fresh = fresh
        self.lent = lent
        self.saved = saved
        self.until = until
        self.tags = tags
        self.stamp = stamp
        self.etag = block.index.get(b"etag")
        self.modified = block.index.get(b"last-modified")
        self.shown: HeaderBlock | None = None
        self.shown_as = (-1, 0)

    @property
    def octets(self) -> int:
        """Return what it takes up in memory, roughly.

        Its fields are there as they are read, as they are written, and once more in what its hits say (`shown`).
        """
        fields = sum([len(name) + len(value) + _OF_FIELD for _, name, value in self.block.fields])
        return len(self.body) + 3 * fields + sum([len(tag) + _OF_TAG for tag in self.tags]) + OVERHEAD

    def encode(self) -> bytes:
        """Return it as octets, without its stamp."""
        texts = [text for _, name, value in self.block.fields for text in (name, value)]
        numbers = _NUMBERS.pack(
            _FORMAT,
            self.status,
            self.born,
            self.fresh,
            self.lent,
            self.saved,
            self.until,
            len(self.block.fields),
            len(self.tags),
            len(self.body),
        )
        fields = [
            _LENGTHS.pack(len(name), len(value)) + name + value
            for name, value in zip(texts[::2], texts[1::2], strict=True)
        ]
        tags = [_LENGTHS.pack(0, len(tag)) + tag for tag in self.tags]
        return b"".join((numbers, *fields, *tags, self.body))


def decode(data: bytes, stamp: int = 0) -> Kept | None:
    """Return the answer that `Kept.encode` made octets of; None where they are anything else.

    Args:
        data: From a store, where another version of the gateway may have put it.
        stamp: Of the answer.
    """
    if len(data) < _NUMBERS.size or data[0] != _FORMAT:
        return None
    _, status, born, fresh, lent, saved, until, fields, tags, length = _NUMBERS.unpack_from(data)
    place = _NUMBERS.size
    pairs: list[tuple[bytes, bytes]] = []
    for _ in range(fields + tags):
        if place + _LENGTHS.size > len(data):
            return None
        first, second = _LENGTHS.unpack_from(data, place)
        place += _LENGTHS.size
        pairs.append((data[place : place + first], data[place + first : place + first + second]))
        place += first + second
    if place + length != len(data):
        return None
    read: list[Field] = [(name.lower(), name, value) for name, value in pairs[:fields]]
    block = HeaderBlock(Headers.of(read))
    named = tuple(tag for _, tag in pairs[fields:])
    return Kept(status, block, data[place:], born, fresh, lent, saved, until, named, stamp)
