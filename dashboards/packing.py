"""A PNG made smaller: in 256 colours, which is what graphs and letters have, nearly.

Reads what Chromium writes, three or four octets to a pixel (https://www.w3.org/TR/png-3/). What it saves: D-507.
"""

from __future__ import annotations

import struct
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_COLOURS = 256
_KINDS = 208
"""Colours that are chosen as the most frequent one of a kind: of those that are alike in four bits of each octet."""
_RGB, _PALETTE, _RGBA = 2, 3, 6
_LEFT, _UP, _MEAN = 1, 2, 3

Colour = tuple[int, int, int]


class NotOurs(Exception):
    """The picture is not of the kind that Chromium writes."""


def packed(picture: bytes) -> bytes:
    """Write a picture in 256 of its colours; another one becomes the nearest of them.

    Raises:
        NotOurs: It has other than three or four octets to a pixel, or is interlaced.
    """
    width, rows = _rows(picture)
    found: Counter[Colour] = Counter()
    for row in rows:
        found.update(_pixels(row))
    palette = _palette(found)
    numbers = {colour: number for number, colour in enumerate(palette)}
    for colour in found:
        if colour not in numbers:
            numbers[colour] = min(range(len(palette)), key=lambda number: _distance(colour, palette[number]))
    # No filter: neighbours of a palette have nothing to do with each other.
    data = b"".join(b"\0" + bytes([numbers[pixel] for pixel in _pixels(row)]) for row in rows)
    header = struct.pack(">IIBBBBB", width, len(rows), 8, _PALETTE, 0, 0, 0)
    chunks = (
        (b"IHDR", header),
        (b"PLTE", bytes(octet for colour in palette for octet in colour)),
        (b"IDAT", zlib.compress(data, 9)),
        (b"IEND", b""),
    )
    return _SIGNATURE + b"".join(_chunk(kind, content) for kind, content in chunks)


def _pixels(row: bytes) -> Iterator[Colour]:
    return zip(row[::3], row[1::3], row[2::3], strict=True)


def _palette(found: Counter[Colour]) -> list[Colour]:
    """Choose colours: all of a few; else one of each kind first, or the edges of letters would leave lines none."""
    frequent = [colour for colour, _ in found.most_common()]
    if len(frequent) <= _COLOURS:
        return frequent
    kinds: dict[Colour, Colour] = {}
    sizes: Counter[Colour] = Counter()
    for colour in frequent:
        red, green, blue = colour
        kind = (red >> 4, green >> 4, blue >> 4)
        kinds.setdefault(kind, colour)
        sizes[kind] += found[colour]
    chosen = dict.fromkeys(kinds[kind] for kind, _ in sizes.most_common(_KINDS))
    for colour in frequent:
        if len(chosen) < _COLOURS:
            chosen[colour] = None
    return list(chosen)


def _distance(one: Colour, other: Colour) -> int:
    return sum((here - there) ** 2 for here, there in zip(one, other, strict=True))


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def _chunks(picture: bytes) -> Iterator[tuple[bytes, bytes]]:
    if not picture.startswith(_SIGNATURE):
        raise NotOurs("no PNG")
    place = len(_SIGNATURE)
    while place < len(picture):
        (length,) = struct.unpack(">I", picture[place : place + 4])
        yield picture[place + 4 : place + 8], picture[place + 8 : place + 8 + length]
        place += 12 + length


def _rows(picture: bytes) -> tuple[int, list[bytes]]:
    """Return the width, and the rows in three octets to a pixel."""
    chunks = list(_chunks(picture))
    width, height, depth, kind, _, _, interlaced = struct.unpack(">IIBBBBB", chunks[0][1])
    if depth != 8 or kind not in (_RGB, _RGBA) or interlaced:
        raise NotOurs(f"depth {depth}, kind {kind}, interlaced {interlaced}")
    size = 3 if kind == _RGB else 4
    data = zlib.decompress(b"".join(content for name, content in chunks if name == b"IDAT"))
    long = width * size
    filtered = ((data[start], data[start + 1 : start + 1 + long]) for start in range(0, height * (long + 1), long + 1))
    return width, [_opaque(row, size) for row in _unfiltered(filtered, size, long)]


def _opaque(row: bytes, size: int) -> bytes:
    if size == 3:
        return row
    out = bytearray(len(row) // 4 * 3)
    out[::3], out[1::3], out[2::3] = row[::4], row[1::4], row[2::4]
    return bytes(out)


def _unfiltered(rows: Iterable[tuple[int, bytes]], size: int, long: int) -> Iterator[bytes]:
    """Undo the filters of section 9 of the specification; `size` octets are a pixel, `long` a row."""
    above = bytes(long)
    for kind, filtered in rows:
        if kind == _UP:  # most rows; that of a ground is the one above
            above = (
                bytes((octet + up) & 255 for octet, up in zip(filtered, above, strict=True)) if any(filtered) else above
            )
        elif kind:
            above = _beside(kind, filtered, above, size)
        else:
            above = filtered
        yield above


def _beside(kind: int, filtered: bytes, above: bytes, size: int) -> bytes:
    """Undo a filter that looks at the pixel to the left."""
    row = bytearray(size) + filtered  # a pixel of zeros to the left of the first
    over = bytes(size) + above
    for place in range(size, len(row)):
        left = row[place - size]
        if kind == _LEFT:
            guess = left
        elif kind == _MEAN:
            guess = (left + over[place]) // 2
        else:
            guess = _paeth(left, over[place], over[place - size])
        row[place] = (row[place] + guess) & 255
    return bytes(row[size:])


def _paeth(left: int, up: int, corner: int) -> int:
    near_left, near_up, near_corner = abs(up - corner), abs(left - corner), abs(left + up - 2 * corner)
    if near_left <= near_up and near_left <= near_corner:
        return left
    return up if near_up <= near_corner else corner
