"""Write protocol buffers: the few kinds of fields that OpenTelemetry's messages have (D-493).

See https://protobuf.dev/programming-guides/encoding/. `read` takes a message apart, for the short answers to these.
"""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct
from typing import Final

_FIXED32: Final = Struct("<I").pack
_FIXED64: Final = Struct("<Q").pack
_DOUBLE: Final = Struct("<d").pack

VARINT: Final = 0
LENGTH: Final = 2

SHORT: Final = [bytes([number]) for number in range(128)]
"""Numbers of one group, written: lengths, mostly."""


def varint(number: int) -> bytes:
    """Write a number in groups of seven bits; negative ones as 64 bits, as `int64` has them."""
    if 0 <= number < 128:
        return SHORT[number]
    number &= 0xFFFF_FFFF_FFFF_FFFF
    groups = bytearray()
    while number > 127:
        groups.append(number & 127 | 128)
        number >>= 7
    groups.append(number)
    return bytes(groups)


def number(field: int, value: int) -> bytes:
    """Write an integer, an enumeration or a flag."""
    return varint(field << 3) + varint(value)


def octets(field: int, value: bytes) -> bytes:
    """Write octets, or a message inside."""
    return varint(field << 3 | LENGTH) + varint(len(value)) + value


def text(field: int, value: str) -> bytes:
    """Write text; what is no Unicode (a half of a surrogate pair) becomes a question mark."""
    return octets(field, value.encode("utf-8", "replace"))


def fixed64(field: int, value: int) -> bytes:
    """Write a number of 64 bits that are always all there: a time."""
    return varint(field << 3 | 1) + _FIXED64(value)


def fixed32(field: int, value: int) -> bytes:
    """Write one of 32 bits."""
    return varint(field << 3 | 5) + _FIXED32(value)


def any_value(value: str | float | bool) -> bytes:
    """Write an `AnyValue` of OpenTelemetry."""
    if isinstance(value, str):
        return text(1, value)
    if isinstance(value, bool):
        return number(2, int(value))
    if isinstance(value, int):
        return number(3, value)
    return b"\x21" + _DOUBLE(value)


def key_value(field: int, key: str, value: str | float | bool) -> bytes:
    """Write a `KeyValue` of OpenTelemetry."""
    return octets(field, text(1, key) + octets(2, any_value(value)))


def read(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Take a message apart: its fields by number, integers and octets; others are left out.

    Raises:
        ValueError: It is cut off, or no message.
    """
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        kind = tag & 7
        if kind == VARINT:
            value, at = _varint(message, at)
            yield tag >> 3, value
        elif kind == LENGTH:
            length, at = _varint(message, at)
            if at + length > len(message):
                raise ValueError("a field is longer than its message")
            yield tag >> 3, message[at : at + length]
            at += length
        elif kind in (1, 5):
            at += 8 if kind == 1 else 4
            if at > len(message):
                raise ValueError("a number is cut off")
        else:
            raise ValueError(f"there is no field of kind {kind}")


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(message):
            break
        octet = message[at]
        at += 1
        value |= (octet & 127) << shift
        if octet < 128:
            return value, at
    raise ValueError("a number does not end")
