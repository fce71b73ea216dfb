"""An ordered, case-insensitive list of header fields.

Layer 0. Names and values are bytes, as on the wire; order, case and repeated
fields are kept, since a gateway passes on what it was given.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

Field = tuple[bytes, bytes, bytes]
"""Lower-case name, name as written, value."""


class Headers:
    """Header (or trailer) fields of one message.

    Look-ups take a name in any case and go through an index that is built
    when first needed: a message that nobody asks about costs a list.
    """

    __slots__ = ("_index", "fields")

    def __init__(self, fields: Iterable[tuple[bytes, bytes]] = ()) -> None:
        self.fields: list[Field] = [(name.lower(), name, value) for name, value in fields]
        self._index: dict[bytes, bytes] | None = None

    @classmethod
    def of(cls, fields: list[Field]) -> Headers:
        """Take over a list that a parser has made; it must not be used elsewhere."""
        headers = cls.__new__(cls)
        headers.fields = fields
        headers._index = None
        return headers

    @property
    def index(self) -> dict[bytes, bytes]:
        """Lower-case name to first value; for reading, on hot paths, before any change."""
        index = self._index
        if index is None:
            self._index = index = {}
            for lower, _, value in self.fields:
                if lower not in index:
                    index[lower] = value
        return index

    def get(self, name: bytes, default: bytes | None = None) -> bytes | None:
        """Return the first value of a field, or `default`."""
        return self.index.get(name.lower(), default)

    def get_all(self, name: bytes) -> list[bytes]:
        """Return every value of a field, in order."""
        name = name.lower()
        if name not in self.index:
            return []
        return [value for lower, _, value in self.fields if lower == name]

    def joined(self, name: bytes) -> bytes | None:
        """Return all values as one list value (RFC 9110 section 5.3), or None when absent."""
        values = self.get_all(name)
        return b", ".join(values) if values else None

    def add(self, name: bytes, value: bytes) -> None:
        """Append a field line after those that are there."""
        lower = name.lower()
        self.fields.append((lower, name, value))
        if self._index is not None:
            self._index.setdefault(lower, value)

    def set(self, name: bytes, value: bytes) -> None:
        """Make `value` the only value of a field; it goes to the end of the list."""
        self.remove(name)
        self.add(name, value)

    def remove(self, name: bytes) -> None:
        """Drop every line of a field; no error when there is none."""
        lower = name.lower()
        if lower in self.index:
            self.fields = [field for field in self.fields if field[0] != lower]
            self._index = None

    def copy(self) -> Headers:
        """Return an independent list of the same fields."""
        return Headers.of(list(self.fields))

    def encode(self) -> bytes:
        """Return the field lines as they go on the wire, each ended by CRLF."""
        return b"".join([b"%b: %b\r\n" % (name, value) for _, name, value in self.fields])

    def __contains__(self, name: object) -> bool:
        return isinstance(name, bytes) and name.lower() in self.index

    def __iter__(self) -> Iterator[tuple[bytes, bytes]]:
        return ((name, value) for _, name, value in self.fields)

    def __len__(self) -> int:
        return len(self.fields)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Headers):
            return NotImplemented
        return [(f[0], f[2]) for f in self.fields] == [(f[0], f[2]) for f in other.fields]

    __hash__ = None  # type: ignore[assignment]  # mutable: may not be a key

    def __repr__(self) -> str:
        return f"Headers({[(name, value) for _, name, value in self.fields]!r})"
