"""An ordered, case-insensitive list of header fields.

Layer 0. Names and values are bytes, as on the wire; order, case and repeated
fields are kept, since a gateway passes on what it was given.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

Field = tuple[bytes, bytes, bytes]
"""Lower-case name, name as written, value."""


class HeaderBlock:
    """The fields of a head that a parser has remembered; shared by all messages that came with the same bytes.

    Its fields never change: `Headers.over` makes a view that copies them before the
    first change. See Note [The same head again] in `gateway.http1.memo`.

    Attributes:
        fields: The field lines in order.
        index: Lower-case name to first value.
        passed: The lines of the fields that a filter of `gateway.http.fields` let pass, behind that filter; None as
            long as nobody has asked.
        credential: The hash of the credential in the fields, behind the mark of the verification that has found it
            (`gateway.middleware.verification`); None as long as none has.
        ordinary: Whether `gateway.middleware.cache_request` found that none of the fields concerns a cache; None as
            long as nobody has asked.
        outward: The fields as they go out over HTTP/2 (`gateway.http2.fields`); None as long as nobody has asked.
        unforwarded: Whether `gateway.http.forwarded` found that no field says how the request was forwarded; None as
            long as nobody has asked.
        came: The octets of the fields with the empty line behind them, and the host, where
            `gateway.http1.request_parser` remembers a request head by them; None for every other block.
        start: Status, reason, the status line with the lines of all fields as `gateway.http1.response_head` wrote them
            last, and whether there is a Date and a length has to be said; None as long as nobody has asked.
    """

    __slots__ = ("came", "credential", "fields", "index", "ordinary", "outward", "passed", "start", "unforwarded")

    def __init__(self, headers: Headers) -> None:
        self.fields = tuple(headers.fields)
        self.index = dict(headers.index)
        self.passed: tuple[object, bytes] | None = None
        self.credential: tuple[object, bytes] | None = None
        self.start: tuple[int, bytes, bytes, bool] | None = None
        self.came: tuple[bytes, bytes] | None = None
        self.ordinary: bool | None = None
        self.outward: tuple[tuple[bytes, bytes], ...] | None = None
        self.unforwarded: bool | None = None


class Headers:
    """Header (or trailer) fields of one message.

    Attributes:
        fields: The field lines in order; change them through the methods.
        index: Lower-case name to first value; for reading, where a hot path cannot afford `get`.
        block: The block whose fields these are; None for fields of a message's own, and once they were changed.
        base: The block whose fields these begin with; behind them stand those that were added. None for fields of a
            message's own, and once one of the block's was changed or removed.
    """

    __slots__ = ("base", "block", "fields", "index")

    def __init__(self, fields: Iterable[tuple[bytes, bytes]] = (), block: HeaderBlock | None = None) -> None:
        self.block: HeaderBlock | None = block
        self.base: HeaderBlock | None = block
        if block is not None:
            # Nothing is made that would only be replaced.
            self.fields: Sequence[Field] = block.fields
            self.index: dict[bytes, bytes] = block.index
            return
        self.fields = [(name.lower(), name, value) for name, value in fields] if fields else []
        self.index = _first_values(self.fields) if fields else {}

    @staticmethod
    def of(fields: list[Field]) -> Headers:
        """Make headers of a list without copying it: the caller must not use the list any more."""
        headers = Headers()
        headers.fields = fields
        headers.index = _first_values(fields)
        return headers

    @staticmethod
    def over(block: HeaderBlock) -> Headers:
        """Return the fields of a block; the first change copies them."""
        return Headers((), block)

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
        fields = self.fields
        if fields.__class__ is not list:
            fields = self._own()
        fields.append((lower, name, value))
        self.index.setdefault(lower, value)

    def set(self, name: bytes, value: bytes) -> None:
        """Make `value` the only value of a field; it goes to the end of the list."""
        self.put(name.lower(), name, value)

    def put(self, lower: bytes, name: bytes, value: bytes) -> None:
        """Do what `set` does, for hot paths that know the name in lower case."""
        if lower in self.index:
            self.remove(lower)
        fields = self.fields
        if fields.__class__ is not list:
            fields = self._own()
        fields.append((lower, name, value))
        self.index[lower] = value

    def remove(self, name: bytes) -> None:
        """Drop every line of a field; no error when there is none."""
        lower = name.lower()
        if lower in self.index:
            if self.block is not None:
                self._own()
            self.base = None
            self.fields = [field for field in self.fields if field[0] != lower]
            del self.index[lower]

    def rewrite(self, name: bytes, change: Callable[[bytes], bytes | None]) -> None:
        """Change the value of every line of a field in its place; None drops the line."""
        lower = name.lower()
        if lower not in self.index:
            return
        self._own()
        self.base = None
        fields: list[Field] = []
        for field in self.fields:
            value = change(field[2]) if field[0] == lower else field[2]
            if value is not None:
                fields.append((field[0], field[1], value))
        self.fields = fields
        self.index = _first_values(fields)

    def _own(self) -> list[Field]:
        fields = self.fields = list(self.fields)
        self.index = dict(self.index)
        self.block = None
        return fields

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


def _first_values(fields: Sequence[Field]) -> dict[bytes, bytes]:
    index = {lower: value for lower, _, value in fields}
    if len(index) != len(fields):
        # Backwards: of a repeated field the first value is written last, and stays.
        index = {lower: value for lower, _, value in reversed(fields)}
    return index
