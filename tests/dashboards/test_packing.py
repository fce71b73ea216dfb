"""A picture in 256 colours is the same picture."""

from __future__ import annotations

import struct
import zlib

import pytest

from dashboards.packing import NotOurs, packed

SIGNATURE = b"\x89PNG\r\n\x1a\n"


def png(width: int, height: int, kind: int, rows: list[bytes], depth: int = 8) -> bytes:
    """A picture whose rows begin with the number of their filter."""
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)),
        (b"IDAT", zlib.compress(b"".join(rows))),
        (b"IEND", b""),
    )
    return SIGNATURE + b"".join(
        struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
        for name, content in chunks
    )


def pixels(picture: bytes) -> list[tuple[int, ...]]:
    """What a packed picture shows."""
    place, found = 8, {}
    while place < len(picture):
        (length,) = struct.unpack(">I", picture[place : place + 4])
        name, content = picture[place + 4 : place + 8], picture[place + 8 : place + 8 + length]
        (check,) = struct.unpack(">I", picture[place + 8 + length : place + 12 + length])
        assert check == zlib.crc32(name + content)
        found[name] = content
        place += 12 + length
    width, height, depth, kind = struct.unpack(">IIBB", found[b"IHDR"][:10])
    assert (depth, kind) == (8, 3)
    data = zlib.decompress(found[b"IDAT"])
    rows = [data[row * (width + 1) + 1 : (row + 1) * (width + 1)] for row in range(height)]
    return [tuple(found[b"PLTE"][3 * number : 3 * number + 3]) for row in rows for number in row]


def test_every_filter_is_undone() -> None:
    """The same two pixels a row, written in each of the five ways."""
    rows = [
        bytes([0, 10, 20, 30, 40, 50, 60]),
        bytes([1, 10, 20, 30, 30, 30, 30]),
        bytes([2, 0, 0, 0, 0, 0, 0]),
        bytes([3, 5, 10, 15, 15, 15, 15]),
        bytes([4, 0, 0, 0, 0, 0, 0]),
    ]

    assert pixels(packed(png(2, 5, 2, rows))) == [(10, 20, 30), (40, 50, 60)] * 5


def test_what_is_opaque_needs_three_octets() -> None:
    """Chromium may write the fourth."""
    assert pixels(packed(png(2, 1, 6, [bytes([0, 1, 2, 3, 255, 4, 5, 6, 255])]))) == [(1, 2, 3), (4, 5, 6)]


def test_a_rare_colour_is_kept_where_it_is_like_no_other() -> None:
    """Reds and blues are more than fit, and the line is green once: some of the reds become their neighbours."""
    reds = bytes(octet for red in range(256) for octet in (red, 0, 0)) * 2
    blues = bytes(octet for blue in range(256) for octet in (0, 0, blue)) * 2
    line = bytes([0, 200, 0]) + bytes(511 * 3)

    found = pixels(packed(png(512, 3, 2, [b"\0" + reds, b"\0" + blues, b"\0" + line])))

    assert found[1024] == (0, 200, 0)
    assert all(abs(red - pixel[0]) < 16 and pixel[1:] == (0, 0) for red, pixel in enumerate(found[:256]))


@pytest.mark.parametrize("other", [b"GIF89a", png(1, 1, 0, [b"\0\0"]), png(1, 1, 2, [b"\0" * 7], depth=16)])
def test_other_pictures_are_not_taken(other: bytes) -> None:
    """Rather than made into something else."""
    with pytest.raises(NotOurs):
        packed(other)
