"""The name in a client's first message, against what OpenSSL sends."""

from __future__ import annotations

import ssl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.transport.client_hello import MOST, MOST_RECORDS, server_name


def hello(name: str | None, version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> bytes:
    """What a client sends first."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.maximum_version = version
    outgoing = ssl.MemoryBIO()
    session = context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname=name)
    with pytest.raises(ssl.SSLWantReadError):
        session.do_handshake()
    return outgoing.read()


def in_records(message: bytes, size: int) -> bytes:
    """The same message in records of a size."""
    body = message[5:]
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    return b"".join(b"\x16\x03\x01" + len(piece).to_bytes(2, "big") + piece for piece in pieces)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("name", ["a.example", "x.b.example", "l" * 63 + ".example", None])
def test_the_name_that_openssl_sends(name: str | None, version: ssl.TLSVersion) -> None:
    """Or none; what follows the message makes no difference."""
    sent = hello(name, version)

    assert server_name(sent) == (name or "").encode()
    assert server_name(sent + b"more") == (name or "").encode()


def test_a_part_of_it_says_nothing_yet() -> None:
    """Wherever it was cut."""
    sent = hello("a.example")

    assert {server_name(sent[:size]) for size in range(len(sent))} == {None}


@pytest.mark.parametrize("size", [50, 100, 300])
def test_it_may_come_in_several_records(size: int) -> None:
    """RFC 8446 section 5.1."""
    sent = in_records(hello("a.example"), size)

    assert server_name(sent) == b"a.example"
    assert {server_name(sent[:cut]) for cut in range(len(sent))} == {None}


def test_not_in_any_number_of_them() -> None:
    """Each octet in a record of its own would be looked at again with each that comes."""
    sent = in_records(hello("a.example"), 1)

    assert server_name(sent) == b""
    assert server_name(sent[: 6 * MOST_RECORDS]) == b""


@pytest.mark.parametrize(
    "sent",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x15\x03\x01\x00\x02\x01\x00",  # an alert
        b"\x16\x03\x01\x00\x04\x02\x00\x00\x00",  # another message
        b"\x16\x03\x01\x00\x04\x01\x00\x00\x00",  # nothing in it
        b"\x16\x03\x01\xff\xff",
        b"\x16\x03\x01\x00\x04\x01\xff\xff\xff",
        b"\x16\x03\x01\x40\x00" + bytes(MOST),
    ],
)
def test_what_is_no_such_message_is_left_to_openssl(sent: bytes) -> None:
    """At once: nobody waits for more of it."""
    assert server_name(sent) == b""


@given(st.binary(max_size=200), st.integers(0, 400))
def test_no_octets_raise_an_exception(junk: bytes, at: int) -> None:
    """Anywhere in the message, or alone."""
    sent = HELLO[: 5 + at] + junk + HELLO[5 + at + len(junk) :]

    server_name(sent)
    server_name(junk)


HELLO = hello("a.example")
