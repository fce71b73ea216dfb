"""The PROXY header that a proxy sends first on a connection, read: whose connection it is.

Fed by `gateway.listening.introductions` before TLS and before HTTP. Decides only. Versions 1 and 2 of
https://www.haproxy.org/download/3.2/doc/proxy-protocol.txt, whose sections are named below; what is written for
backends is made by `gateway.transport.proxy_greeting`.

It is read to the letter: addresses and ports have one spelling, families of datagrams and values that are not assigned
are refused, and so is whatever begins in another way, since the specification forbids to guess whether there is a
header. Nothing that a peer sends is kept beyond `MOST_V1` or `MOST_V2` octets.
"""

from __future__ import annotations

import re
from socket import AF_INET, AF_INET6, inet_ntop, inet_pton
from typing import NamedTuple

from gateway.peer import Ends

MOST_V1 = 107
"""Most octets of a line of version 1, its CRLF included (section 2.1)."""

MOST_V2 = 16 + 2**14
"""Most octets of a header of version 2 that are taken: HAProxy can send no more, the specification allows 65,551."""

V1 = b"PROXY "
V2 = b"\r\n\r\n\x00\r\nQUIT\n"

LOCAL, PROXY = 0x20, 0x21
"""The version, and the command: for itself, or for somebody else."""

UNSPECIFIED, TCP4, TCP6, UNIX = 0x00, 0x11, 0x21, 0x31
"""Family and transport."""

CRC32C = 0x03
"""The type of the one TLV that is looked at."""

_FIXED = 16  # octets of a header of version 2 before its addresses
_ADDRESSES = {UNSPECIFIED: 0, TCP4: 12, TCP6: 36, UNIX: 216}
_PORT = rb"(0|[1-9][0-9]{0,4})"
_OCTET = rb"(?:0|[1-9][0-9]{0,2})"
_IP4 = rb"(" + rb"\.".join([_OCTET] * 4) + rb")"
_IP6 = rb"([0-9A-Fa-f:.]{2,45})"
_LINE = re.compile(
    rb"PROXY (?:(UNKNOWN)(?: [^\r\n]*)?|TCP4 %b %b %b %b|TCP6 %b %b %b %b)"
    % (_IP4, _IP4, _PORT, _PORT, *[_IP6] * 2, _PORT, _PORT)
)


class HeaderError(Exception):
    """What a peer sends first is no PROXY header that is taken; the text says why."""


class Header(NamedTuple):
    """What a header says.

    Attributes:
        ends: The ends of the connection that is passed on; None where there is none, or nothing is said of them.
        local: The proxy has made the connection for itself, to see whether we are there.
        rest: What came behind the header.
    """

    ends: Ends | None
    local: bool
    rest: bytes


class HeaderReader:
    """Takes octets until the header is whole; cut in any way, they give the same."""

    __slots__ = ("_octets",)

    def __init__(self) -> None:
        self._octets = bytearray()

    @property
    def begun(self) -> bool:
        """Whether anything has come."""
        return bool(self._octets)

    def feed(self, data: bytes) -> Header | None:
        """Take what has come; returns the header once it is whole, None before.

        Raises:
            HeaderError: It will be none that is taken.
        """
        octets = self._octets
        octets += data
        if octets.startswith(V1[: len(octets)]):
            return _read_line(octets)
        if octets.startswith(V2[: len(octets)]):
            return _read_binary(octets)
        raise HeaderError("no PROXY header came first")


def _read_line(octets: bytearray) -> Header | None:
    """Read version 1 (section 2.1)."""
    end = octets.find(b"\r\n", 0, MOST_V1)
    if end < 0:
        if len(octets) >= MOST_V1:
            raise HeaderError(f"its line is longer than {MOST_V1} octets")
        if b"\n" in octets:
            raise HeaderError("its line does not end by CRLF")
        return None
    match = _LINE.fullmatch(bytes(octets[:end]))
    if match is None:
        raise HeaderError("its line is malformed")
    unknown, *parts = match.groups()
    rest = bytes(octets[end + 2 :])
    if unknown is not None:
        return Header(None, False, rest)
    source, destination, source_port, destination_port = [part for part in parts if part is not None]
    family = AF_INET if parts[0] is not None else AF_INET6
    ends = Ends(_address(family, source), _port(source_port), _address(family, destination), _port(destination_port))
    return Header(ends, False, rest)


def _address(family: int, text: bytes) -> str:
    try:
        return inet_ntop(family, inet_pton(family, text.decode("ascii")))
    except OSError:
        raise HeaderError("its line has no address of its family") from None


def _port(text: bytes) -> int:
    port = int(text)
    if port > 0xFFFF:
        raise HeaderError("its line has a port above 65535")
    return port


def _read_binary(octets: bytearray) -> Header | None:
    """Read version 2 (section 2.2)."""
    if len(octets) > 12 and octets[12] not in (LOCAL, PROXY):
        raise HeaderError("its version or its command is not known")
    if len(octets) < _FIXED:
        return None
    length = int.from_bytes(octets[14:_FIXED], "big")
    size = _FIXED + length
    if size > MOST_V2:
        raise HeaderError(f"it is longer than {MOST_V2} octets")
    kind = octets[13]
    local = octets[12] == LOCAL
    if not local:
        addresses = _ADDRESSES.get(kind)
        if addresses is None:
            raise HeaderError("its address family or its transport is none that is taken")
        if length < addresses:
            raise HeaderError("it is too short for its addresses")
    if len(octets) < size:
        return None
    header, rest = bytes(octets[:size]), bytes(octets[size:])
    if local or kind == UNSPECIFIED:
        # Section 2.2: the block is discarded, whatever stands there, with the family of who speaks for itself.
        return Header(None, local, rest)
    _check_tlvs(header, _FIXED + _ADDRESSES[kind])
    if kind == TCP4:
        return Header(_ends(header, AF_INET, 4), False, rest)
    if kind == TCP6:
        return Header(_ends(header, AF_INET6, 16), False, rest)
    return Header(None, False, rest)


def _ends(header: bytes, family: int, size: int) -> Ends:
    destination, ports = _FIXED + size, _FIXED + 2 * size
    return Ends(
        inet_ntop(family, header[_FIXED:destination]),
        int.from_bytes(header[ports : ports + 2], "big"),
        inet_ntop(family, header[destination:ports]),
        int.from_bytes(header[ports + 2 : ports + 4], "big"),
    )


def _check_tlvs(header: bytes, start: int) -> None:
    """Walk the TLVs, and verify the checksum where there is one (section 2.2.3)."""
    place = start
    while place < len(header):
        value = place + 3
        end = value + int.from_bytes(header[place + 1 : value], "big")
        if end > len(header) or value > len(header):
            raise HeaderError("one of its TLVs is cut off")
        if header[place] == CRC32C:
            said = header[value:end]
            if len(said) != 4 or said != crc32c(header[:value] + bytes(4) + header[end:]).to_bytes(4, "big"):
                raise HeaderError("its checksum is wrong")
        place = end


def _table() -> tuple[int, ...]:
    made = []
    for number in range(256):
        for _ in range(8):
            number = number >> 1 ^ (0x82F63B78 if number & 1 else 0)
        made.append(number)
    return tuple(made)


_TABLE = _table()


def crc32c(octets: bytes) -> int:
    """Return the checksum by Castagnoli's polynomial (RFC 4960 appendix B); `zlib.crc32` has another one."""
    found = 0xFFFFFFFF
    for octet in octets:
        found = _TABLE[(found ^ octet) & 0xFF] ^ found >> 8
    return found ^ 0xFFFFFFFF
