"""Apply content codings: gzip, br and zstd, in the order and to the extent that a client accepts them.

Layer 1. The counterpart of `gateway.http.codings`, which undoes them. See RFC 9110 sections 8.4 and 12.5.3.

Tests: `tests/http/test_encodings.py`.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from typing import Any, Final

from mypy_extensions import mypyc_attr

LONGEST: Final = 256
"""Octets of `Accept-Encoding` that are looked at; browsers send some thirty. A longer one accepts nothing."""

GZIP_LEVEL: Final = 5
BROTLI_QUALITY: Final = 4
ZSTD_LEVEL: Final = 3
"""About where each of them costs what zlib costs at level 5; above, a little is saved for much work."""

_BROTLI_WINDOW: Final = 18
_ZSTD_WINDOW: Final = 18
"""Logarithms of octets, 256 KiB: what a stream of an answer holds in memory is a small multiple of it."""

_WEIGHTED: Final = re.compile(
    rb"[ \t]*([!#$%&'*+.^_`|~0-9a-z-]+)[ \t]*(?:;[ \t]*q=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)[ \t]*)?"
)


def _keep_freed_memory() -> None:
    """Have glibc keep the memory of one encoder for the next.

    It gives back to the system what is free at the end of its heap, and takes it again for the next answer: twenty
    pages each time, and 16 kB took 126 µs in place of 61. Once a block of more than 128 KiB has been freed, glibc keeps
    up to twice as much as that block had (mallopt(3), M_MMAP_THRESHOLD). This one is never written to, so it is no
    memory that is used.
    """
    bytes(1 << 20)


_keep_freed_memory()


@mypyc_attr(allow_interpreted_subclasses=True)
class Encoder:
    """Applies a coding to one content. A base class: compiled code calls it through its table."""

    __slots__ = ()

    def encode(self, data: bytes) -> bytes:
        """Take a part; returns what there is to send so far, which may be nothing."""
        raise NotImplementedError

    def flush(self) -> bytes:
        """Return what is left of the parts so far, so that the receiver can undo all of them."""
        raise NotImplementedError

    def finish(self) -> bytes:
        """Return the end; called once, last."""
        raise NotImplementedError


def accepted(field: bytes, offered: Sequence[bytes]) -> bytes | None:
    """Return the coding that an answer is to have; None for none.

    The one with the highest weight counts; of several, the first that is offered. Who prefers no coding gets none.

    Args:
        field: `Accept-Encoding`, all of its lines joined. One that is not well-formed accepts nothing.
        offered: Names of codings, the preferred one first.
    """
    if len(field) > LONGEST:
        return None
    weights: dict[bytes, float] = {}
    for member in field.lower().split(b","):
        if not member.strip(b" \t"):
            continue
        found = _WEIGHTED.fullmatch(member)
        if found is None:
            return None
        weights[found[1]] = 1.0 if found[2] is None else float(found[2])
    if b"x-gzip" in weights:
        weights.setdefault(b"gzip", weights[b"x-gzip"])
    rest = weights.get(b"*", 0.0)
    best, most = None, 0.0
    for name in offered:
        weight = weights.get(name, rest)
        if weight > most:
            best, most = name, weight
    return best if most >= weights.get(b"identity", 0.0) else None


class _Gzip(Encoder):
    __slots__ = ("_stream",)

    def __init__(self) -> None:
        self._stream = zlib.compressobj(GZIP_LEVEL, zlib.DEFLATED, zlib.MAX_WBITS | 16)

    def encode(self, data: bytes) -> bytes:
        return self._stream.compress(data)

    def flush(self) -> bytes:
        return self._stream.flush(zlib.Z_SYNC_FLUSH)

    def finish(self) -> bytes:
        return self._stream.flush()


class _Brotli(Encoder):
    __slots__ = ("_stream",)

    def __init__(self) -> None:
        import brotli  # type: ignore[import-untyped]  # where nothing is so coded, it takes no memory

        self._stream: Any = brotli.Compressor(quality=BROTLI_QUALITY, lgwin=_BROTLI_WINDOW)

    def encode(self, data: bytes) -> bytes:
        return bytes(self._stream.process(data))

    def flush(self) -> bytes:
        return bytes(self._stream.flush())

    def finish(self) -> bytes:
        return bytes(self._stream.finish())


class _Zstd(Encoder):
    __slots__ = ("_block", "_stream")

    def __init__(self) -> None:
        import zstandard

        parameters = zstandard.ZstdCompressionParameters.from_level(ZSTD_LEVEL, window_log=_ZSTD_WINDOW)
        self._stream = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
        self._block: int = zstandard.COMPRESSOBJ_FLUSH_BLOCK

    def encode(self, data: bytes) -> bytes:
        return self._stream.compress(data)

    def flush(self) -> bytes:
        return self._stream.flush(self._block)

    def finish(self) -> bytes:
        return self._stream.flush()


ENCODERS: Final[dict[bytes, type[Encoder]]] = {b"zstd": _Zstd, b"br": _Brotli, b"gzip": _Gzip}
"""What makes the encoders, by the names of codings."""
