"""PROXY headers as they come: to the letter, cut in any way, and never beyond their bounds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.peer import Ends
from gateway.transport.proxy_header import (
    CRC32C,
    LOCAL,
    MOST_V1,
    MOST_V2,
    PROXY,
    TCP4,
    TCP6,
    UNIX,
    UNSPECIFIED,
    V2,
    Header,
    HeaderError,
    HeaderReader,
    crc32c,
)

FOUR = Ends("192.0.2.7", 40000, "198.51.100.1", 443)
SIX = Ends("2001:db8::7", 40000, "2001:db8::1", 443)
BLOCK4 = bytes([192, 0, 2, 7, 198, 51, 100, 1]) + b"\x9c\x40\x01\xbb"
BLOCK6 = bytes.fromhex("20010db800000000000000000000000720010db8000000000000000000000001") + b"\x9c\x40\x01\xbb"


def binary(command: int, kind: int, block: bytes = b"", length: int | None = None) -> bytes:
    """A header of version 2."""
    return V2 + bytes((command, kind)) + (len(block) if length is None else length).to_bytes(2, "big") + block


def tlv(kind: int, value: bytes) -> bytes:
    """One value with its type and length."""
    return bytes((kind,)) + len(value).to_bytes(2, "big") + value


def summed(kind: int, block: bytes, behind: bytes = b"") -> bytes:
    """A header with its checksum."""
    bare = binary(PROXY, kind, block + tlv(CRC32C, bytes(4)) + behind)
    place = 16 + len(block) + 3
    return bare[:place] + crc32c(bare).to_bytes(4, "big") + bare[place + 4 :]


def read(octets: bytes) -> Header | None:
    """Read it in one piece."""
    return HeaderReader().feed(octets)


def read_slowly(octets: bytes) -> Header | None:
    """Read it octet by octet, to its end."""
    reader = HeaderReader()
    found = [reader.feed(bytes((octet,))) for octet in octets]
    return found[-1]


TAKEN = [
    (b"PROXY TCP4 192.0.2.7 198.51.100.1 40000 443\r\n", FOUR, False),
    (b"PROXY TCP6 2001:db8::7 2001:0DB8:0::1 40000 443\r\n", SIX, False),
    (b"PROXY TCP6 ::ffff:192.0.2.7 ::1 0 65535\r\n", Ends("::ffff:192.0.2.7", 0, "::1", 65535), False),
    (b"PROXY TCP4 0.0.0.0 255.255.255.255 0 0\r\n", Ends("0.0.0.0", 0, "255.255.255.255", 0), False),
    (b"PROXY UNKNOWN\r\n", None, False),
    (b"PROXY UNKNOWN whatever \x00 stands here\r\n", None, False),
    (b"PROXY UNKNOWN " + b"f" * (MOST_V1 - 16) + b"\r\n", None, False),
    (binary(PROXY, TCP4, BLOCK4), FOUR, False),
    (binary(PROXY, TCP6, BLOCK6), SIX, False),
    (binary(PROXY, UNIX, bytes(216)), None, False),
    (binary(PROXY, UNSPECIFIED), None, False),
    (binary(PROXY, UNSPECIFIED, b"\xff" * 30), None, False),
    (binary(LOCAL, UNSPECIFIED), None, True),
    (binary(LOCAL, TCP4, BLOCK4), None, True),
    (binary(LOCAL, 0xEE, b"\xff\xff\xff"), None, True),
    (binary(PROXY, TCP4, BLOCK4 + tlv(0x04, b"") + tlv(0xEA, b"x" * 300)), FOUR, False),
    (binary(PROXY, TCP4, BLOCK4 + tlv(0x04, bytes(MOST_V2 - 16 - 12 - 3))), FOUR, False),
    (summed(TCP4, BLOCK4), FOUR, False),
    (summed(TCP6, BLOCK6, tlv(0x02, b"a.example")), SIX, False),
]

REFUSED = [
    (b"GET / HTTP/1.1\r\n\r\n", "no PROXY header"),
    (b"\x16\x03\x01\x02\x00", "no PROXY header"),
    (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "no PROXY header"),
    (b"proxy TCP4 192.0.2.7 198.51.100.1 40000 443\r\n", "no PROXY header"),
    (b"PROXY\r\n", "no PROXY header"),
    (b"PROXY \r\n", "malformed"),
    (b"PROXY TCP4 192.0.2.7 198.51.100.1 40000\r\n", "malformed"),
    (b"PROXY TCP4 192.0.2.7 198.51.100.1 40000 443 \r\n", "malformed"),
    (b"PROXY TCP4  192.0.2.7 198.51.100.1 40000 443\r\n", "malformed"),
    (b"PROXY TCP4 192.0.2.7 198.51.100.1 040000 443\r\n", "malformed"),
    (b"PROXY TCP4 192.0.2.7 198.51.100.1 +4 443\r\n", "malformed"),
    (b"PROXY TCP4 192.0.2.7 198.51.100.1 65536 443\r\n", "a port above"),
    (b"PROXY TCP4 192.0.2.07 198.51.100.1 40000 443\r\n", "malformed"),
    (b"PROXY TCP4 192.0.2.256 198.51.100.1 40000 443\r\n", "no address"),
    (b"PROXY TCP4 192.0.2 198.51.100.1 40000 443\r\n", "malformed"),
    (b"PROXY TCP4 2001:db8::7 2001:db8::1 40000 443\r\n", "malformed"),
    (b"PROXY TCP6 192.0.2.7 198.51.100.1 40000 443\r\n", "no address"),
    (b"PROXY TCP6 fe80::1%lo fe80::2 40000 443\r\n", "malformed"),
    (b"PROXY TCP6 2001::db8::7 2001:db8::1 40000 443\r\n", "no address"),
    (b"PROXY UDP4 192.0.2.7 198.51.100.1 40000 443\r\n", "malformed"),
    (b"PROXY UNKNOWNS\r\n", "malformed"),
    (b"PROXY UNKNOWN\n", "CRLF"),
    (b"PROXY UNKNOWN a\rb\r\n", "malformed"),
    (b"PROXY UNKNOWN " + b"f" * (MOST_V1 - 15) + b"\r\n", "longer than 107"),
    (b"PROXY " + b"x" * 200, "longer than 107"),
    (binary(0x11, TCP4, BLOCK4), "its version"),
    (binary(0x31, TCP4, BLOCK4), "its version"),
    (binary(0x22, TCP4, BLOCK4), "its command"),
    (binary(PROXY, 0x12, BLOCK4), "address family"),
    (binary(PROXY, 0x22, BLOCK6), "address family"),
    (binary(PROXY, 0x32, bytes(216)), "address family"),
    (binary(PROXY, 0x10, BLOCK4), "address family"),
    (binary(PROXY, 0x41, BLOCK4), "address family"),
    (binary(PROXY, TCP4, BLOCK4[:-1]), "too short"),
    (binary(PROXY, TCP6, BLOCK4), "too short"),
    (binary(PROXY, UNIX, bytes(215)), "too short"),
    (binary(PROXY, TCP4, length=MOST_V2 - 15), "longer than 16400"),
    (binary(LOCAL, UNSPECIFIED, length=0xFFFF), "longer than 16400"),
    (binary(PROXY, TCP4, BLOCK4 + b"\x04\x00"), "cut off"),
    (binary(PROXY, TCP4, BLOCK4 + b"\x04\x00\x02x"), "cut off"),
    (binary(PROXY, TCP4, BLOCK4 + tlv(CRC32C, b"\0\0\0\0")), "checksum"),
    (binary(PROXY, TCP4, BLOCK4 + tlv(CRC32C, b"")), "checksum"),
    (summed(TCP4, BLOCK4)[:-1] + b"\x00", "checksum"),
]


@pytest.mark.parametrize(("octets", "ends", "local"), TAKEN)
def test_what_is_taken(octets: bytes, ends: Ends | None, local: bool) -> None:
    """With what comes behind it, which is the client's."""
    assert read(octets) == Header(ends, local, b"")
    assert read(octets + b"GET /\r\n") == Header(ends, local, b"GET /\r\n")


@pytest.mark.parametrize(("octets", "why"), REFUSED)
def test_what_is_refused(octets: bytes, why: str) -> None:
    """In one piece, and octet by octet."""
    with pytest.raises(HeaderError, match=why):
        read(octets)
    with pytest.raises(HeaderError):
        read_slowly(octets)


@pytest.mark.parametrize(("octets", "ends", "local"), TAKEN)
def test_what_is_not_whole_is_waited_for(octets: bytes, ends: Ends | None, local: bool) -> None:
    """However much of it is there."""
    reader = HeaderReader()
    assert not reader.begun
    for octet in octets[:-1]:
        assert reader.feed(bytes((octet,))) is None
        assert reader.begun
    assert reader.feed(octets[-1:]) == Header(ends, local, b"")


def test_the_checksum_is_that_of_rfc_4960() -> None:
    """RFC 3720 appendix B.4 has the examples."""
    assert crc32c(b"123456789") == 0xE3069283
    assert crc32c(bytes(32)) == 0x8A9136AA


@given(
    octets=st.one_of(st.binary(max_size=300), st.sampled_from([octets for octets, *_ in TAKEN + REFUSED])),
    data=st.data(),
)
def test_cut_in_any_way_it_is_the_same(octets: bytes, data: st.DataObject) -> None:
    """The header, what is behind it, or that there is none."""
    octets += data.draw(st.binary(max_size=20))

    def outcome(pieces: list[bytes]) -> object:
        reader, found = HeaderReader(), None
        for place, piece in enumerate(pieces):
            try:
                found = reader.feed(piece)
            except HeaderError:
                return "refused"
            if found is not None:
                return found._replace(rest=found.rest + b"".join(pieces[place + 1 :]))
        return None

    pieces, left = [], octets
    while left:
        size = data.draw(st.integers(1, len(left)))
        pieces.append(left[:size])
        left = left[size:]
    assert outcome(pieces) == outcome([octets])


@given(
    octets=st.binary(max_size=400),
    begin=st.sampled_from([b"", b"PROXY ", b"PROXY TCP4 ", V2, V2 + b"\x21", V2 + b"\x21\x11"]),
)
def test_nothing_else_is_raised_and_nothing_more_is_kept(octets: bytes, begin: bytes) -> None:
    """Whatever a peer sends."""
    reader = HeaderReader()
    try:
        for octet in begin + octets:
            if reader.feed(bytes((octet,))) is not None:
                break
    except HeaderError:
        pass
    assert len(reader._octets) <= MOST_V2
