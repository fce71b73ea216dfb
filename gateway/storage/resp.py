"""Commands as Redis reads them (RESP 2), and scripts by their digest."""

from __future__ import annotations

from hashlib import sha1

from hiredis import pack_command

Argument = bytes | str | int

KEYED = frozenset(
    [b"GET", b"SET", b"DEL", b"EXISTS", b"HGET", b"HSET", b"HGETALL", b"ZADD", b"ZREMRANGEBYSCORE", b"ZRANGEBYSCORE"]
)
"""Commands whose first argument is their key. In a cluster, others go to any node, and follow what that one answers."""


def octets(argument: Argument) -> bytes:
    """Return an argument as it is sent."""
    return argument if isinstance(argument, bytes) else str(argument).encode()


def pack(*args: Argument) -> bytes:
    """Encode one command."""
    # In C: 0.8 µs for five arguments, 1.9 µs by hand.
    packed: bytes = pack_command(args)  # type: ignore[arg-type]  # its stub lacks the length of the tuple
    return packed


class Script:
    """A Lua script.

    Attributes:
        source: Its text.
        digest: What EVALSHA knows it by.
    """

    __slots__ = ("digest", "source")

    def __init__(self, source: bytes) -> None:
        self.source = source
        self.digest = sha1(source, usedforsecurity=False).hexdigest().encode()

    def call(self, keys: tuple[Argument, ...], args: tuple[Argument, ...]) -> tuple[bytes, bytes]:
        """Encode a call by digest, and the same by source for a server that does not know it (yet, or any more)."""
        rest = (len(keys), *keys, *args)
        return pack(b"EVALSHA", self.digest, *rest), pack(b"EVAL", self.source, *rest)
