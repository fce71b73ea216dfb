"""The name in a client's first message, against what OpenSSL sends; and what gets no handshake."""

from __future__ import annotations

import ssl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.transport.client_hello import MOST, MOST_RECORDS, answer_at_once, server_name


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


P256, X25519, HYBRID, FFDHE2048, FFDHE8192, GREASE = 0x17, 0x1D, 0x11EC, 0x100, 0x104, 0x2A2A
REFUSED = b"\x15\x03\x03\x00\x02\x02\x28"


def offering(groups: list[int], shares: list[int]) -> bytes:
    """What a client sends first that has these groups, and a share for each of those."""

    def block(content: bytes) -> bytes:
        return len(content).to_bytes(2, "big") + content

    listed = block(b"".join(group.to_bytes(2, "big") for group in groups))
    offered = block(b"".join(share.to_bytes(2, "big") + block(bytes(40)) for share in shares))
    name = block(b"\x00" + block(b"a.example"))
    extensions = b"".join(
        kind + block(content) for kind, content in [(b"\0\0", name), (b"\0\x0a", listed), (b"\0\x33", offered)]
    )
    body = b"\x03\x03" + bytes(32) + b"\x00" + block(b"\x13\x01") + b"\x01\x00" + block(extensions)
    return b"\x16\x03\x01" + block(b"\x01" + len(body).to_bytes(3, "big") + body)


@pytest.mark.parametrize(
    ("groups", "shares", "refused"),
    [
        ([X25519, P256], [X25519], False),
        ([GREASE, HYBRID, X25519, P256], [GREASE, HYBRID, X25519], False),
        ([P256, X25519, FFDHE2048, FFDHE8192], [P256], False),
        ([FFDHE8192, P256], [], False),  # asked for P-256, which we like better
        ([X25519], [X25519], False),
        ([FFDHE8192], [FFDHE8192], True),
        ([X25519, FFDHE8192, P256], [FFDHE8192], True),
        ([X25519, FFDHE8192, P256], [X25519, FFDHE8192], True),
        ([FFDHE8192], [], True),
        ([GREASE, X25519, FFDHE2048], [], True),
    ],
)
def test_no_handshake_in_a_finite_field(groups: list[int], shares: list[int], refused: bool) -> None:
    """One of 8192 bits takes 120 ms, and costs the client nothing."""
    sent = offering(groups, shares)

    assert answer_at_once(sent) == (REFUSED if refused else b"")
    assert answer_at_once(in_records(sent, 50)) == (REFUSED if refused else b"")
    assert {answer_at_once(sent[:size]) for size in range(len(sent))} == {b""}
    assert server_name(sent) == b"a.example"


@pytest.mark.parametrize(
    "before",
    [
        b"\x15\x03\x01\x00\x02\x01\x64",  # a warning, which OpenSSL reads over
        b"\x14\x03\x01\x00\x01\x01",
        b"\x16\x03\x01\x00\x00" * MOST_RECORDS,
    ],
)
def test_nor_is_it_had_by_hiding(before: bytes) -> None:
    """OpenSSL would find in it what we do not."""
    assert answer_at_once(before + offering([FFDHE8192], [FFDHE8192])) == REFUSED
    assert answer_at_once(offering([FFDHE8192] * (MOST // 2), [FFDHE8192])) == REFUSED


def test_clients_of_today_are_let_through() -> None:
    """What OpenSSL sends; it lists finite fields, and sends no share for one."""
    assert answer_at_once(HELLO) == b""
    assert answer_at_once(b"\x80\x2e\x01\x03\x01") == b""  # no record: OpenSSL says what it is


@given(st.binary(max_size=200), st.integers(0, 400))
def test_no_octets_raise_an_exception(junk: bytes, at: int) -> None:
    """Anywhere in the message, or alone."""
    sent = HELLO[: 5 + at] + junk + HELLO[5 + at + len(junk) :]

    for octets in (sent, junk):
        server_name(octets)
        answer_at_once(octets)


HELLO = hello("a.example")
