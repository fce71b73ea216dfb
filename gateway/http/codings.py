"""Undo content codings: gzip, br and zstd (RFC 9110 section 8.4.1, RFC 8878).

Layer 1. A few octets can stand for many: so no more is made of a content than its caller has room for.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from io import BytesIO
from typing import Final

_MOST_CODINGS: Final = 3
"""Nobody who means well applies more, one upon the other."""

_MOST_MEMBERS: Final = 64
"""A content of gzip or zstd may be several, one behind the other, and such of nothing at all: each costs time that does
not show in what comes out, some seconds for the 50,000 that one MiB has room for."""

_WINDOW: Final = 8 * 1024 * 1024
"""The largest window that a decoder of zstd has to have (RFC 8878 section 3.1.1.1.2): a frame may ask for gigabytes."""


class Longer(Exception):
    """There is more content than there is room for, or it is in more parts than anybody makes who means well."""


def undo(content: bytes, codings: bytes, most: int) -> bytes | None:
    """Return what a content is without its codings.

    Args:
        content: All of it.
        codings: As in Content-Encoding: in the order in which they were applied.
        most: Octets of what comes out, after each step.

    Returns:
        None where one of the codings is not known.

    Raises:
        Longer: More than `most` octets come out, or they are in too many parts.
        ValueError: The content is not so coded, or ends early.
    """
    names = [name.strip(b" \t").lower() for name in codings.split(b",")]
    undoers = [_UNDO.get(name) for name in names if name not in (b"", b"identity")]
    if len(undoers) > _MOST_CODINGS:
        return None
    for undoer in reversed(undoers):
        if undoer is None:
            return None
        content = undoer(content, most)
        if len(content) > most:
            raise Longer()
    return content


def _gzip(content: bytes, most: int) -> bytes:
    made: list[bytes] = []
    left = most + 1
    members = 0
    while content:  # members may follow each other
        members += 1
        if members > _MOST_MEMBERS:
            raise Longer()
        member = zlib.decompressobj(zlib.MAX_WBITS | 16)
        try:
            part = member.decompress(content, left)
        except zlib.error as error:
            raise ValueError(str(error)) from None
        made.append(part)
        left -= len(part)
        if left <= 0:
            break
        if not member.eof:
            raise ValueError("it ends early")
        content = member.unused_data
    return b"".join(made)


def _br(content: bytes, most: int) -> bytes:
    import brotli  # type: ignore[import-untyped]  # where nothing is so coded, it takes no memory

    decoder = brotli.Decompressor()
    try:
        made: bytes = decoder.process(content, output_buffer_limit=most + 1)
        if len(made) <= most and not decoder.is_finished():
            raise ValueError("it ends early")
    except brotli.error as error:
        raise ValueError(str(error)) from None
    return made


def _zstd(content: bytes, most: int) -> bytes:
    import zstandard

    decoder = zstandard.ZstdDecompressor(max_window_size=_WINDOW)
    made: list[bytes] = []
    left = most + 1
    try:
        with decoder.stream_reader(BytesIO(content), read_across_frames=True) as reader:
            while left > 0 and (part := reader.read(min(left, 65536))):
                made.append(part)
                left -= len(part)
        # The reader, which knows a bound, does not say whether the last frame was whole; the other one has no bound.
        frames = 0
        while left > 0 and content:
            frames += 1
            if frames > _MOST_MEMBERS:
                raise Longer()
            frame = decoder.decompressobj()
            frame.decompress(content)
            if not frame.eof:
                raise ValueError("it ends early")
            content = frame.unused_data
    except zstandard.ZstdError as error:
        raise ValueError(str(error)) from None
    return b"".join(made)


_UNDO: Final[dict[bytes, Callable[[bytes, int], bytes]]] = {
    b"gzip": _gzip,
    b"x-gzip": _gzip,
    b"br": _br,
    b"zstd": _zstd,
}
