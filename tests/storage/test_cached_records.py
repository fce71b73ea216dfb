"""What stands in Redis for a kept answer: garbage is nothing."""

from __future__ import annotations

from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.caching.kept import Kept
from gateway.headers import HeaderBlock, Headers
from gateway.storage.cached_records import asked, read_answer, read_names, write_answer, write_names

REQUEST = asked(b"r\nhttp\nh\n/a\n/a", ())


def answer(fields: list[tuple[bytes, bytes]], status: int = 200, born: float = 1.0, until: float = 9.0) -> Kept:
    """Return an answer of three octets."""
    return Kept(status, HeaderBlock(Headers(fields)), b"abc", born, 2.0, 2.0, 2.0, until, (b"t",))


GOOD = write_answer(answer([(b"Content-Type", b"text/plain"), (b"Content-Length", b"3")]), 7, 8, REQUEST)


def test_what_was_written_is_read() -> None:
    """With what it was kept under."""
    found = read_answer(GOOD, REQUEST, 5)

    assert found is not None
    assert (found.number, found.token, found.kept.stamp) == (7, 8, 5)
    assert (found.kept.body, found.kept.tags) == (b"abc", (b"t",))


@pytest.mark.parametrize("other", [asked(b"r\nhttp\nh\n/b\n/b", ()), asked(b"r\nhttp\nh\n/a\n/a", (None,)), b""])
def test_an_answer_to_another_request_is_nothing(other: bytes) -> None:
    """Wherever somebody has put it."""
    assert read_answer(GOOD, other, 5) is None


def test_values_are_told_apart() -> None:
    """Whatever is in them."""
    values: list[tuple[bytes | None, ...]] = [
        (), (None,), (b"",), (None, None), (b"", b""), (b"a", b"b"), (b"ab", b""), (b"a\n+1:b",), (b"\n-",),
    ]  # fmt: skip
    assert len({asked(b"k", one) for one in values}) == len(values)


@given(cut=st.integers(0, len(GOOD) - 1), more=st.binary(min_size=1, max_size=9))
def test_no_octet_may_be_missing_and_none_be_left_over(cut: int, more: bytes) -> None:
    """The answer is whole or nothing."""
    assert read_answer(GOOD[:cut], REQUEST, 5) is None
    assert read_answer(GOOD + more, REQUEST, 5) is None


@given(data=st.binary(max_size=200), place=st.integers(0, len(GOOD)), length=st.integers(0, 20))
def test_garbage_never_raises_anything(data: bytes, place: int, length: int) -> None:
    """Wherever it stands, and what of it is read could be sent."""
    for whole in (data, GOOD[:4] + data, GOOD[:36] + data, GOOD[:place] + data + GOOD[place + length :]):
        read_names(whole)
        found = read_answer(whole, REQUEST, 5)
        if found is not None:
            assert 200 <= found.kept.status <= 599
            assert not any(octet in value for _, _, value in found.kept.block.fields for octet in (b"\r", b"\n", b"\0"))


@pytest.mark.parametrize(
    "forged",
    [
        answer([(b"X", b"a\r\nSet-Cookie: b=c")]),
        answer([(b"X\r\nSet-Cookie", b"b=c")]),
        answer([(b"X: y", b"z")]),
        answer([(b"", b"z")]),
        answer([(b"X", b"a\0")]),
        answer([(b"Content-Length", b"2")]),
        answer([(b"Content-Length", b"3"), (b"Content-Length", b"30")]),
        answer([(b"Transfer-Encoding", b"chunked")]),
        answer([(b"Connection", b"close")]),
        answer([(b"Set-Cookie", b"a=b")]),
        answer([], status=101),
        answer([], status=999),
        answer([], born=nan),
        answer([], born=-1e300),
        answer([], until=inf),
    ],
)
def test_what_is_well_formed_but_no_answer_is_nothing(forged: Kept) -> None:
    """A cache that others can write to must not let them split answers."""
    assert read_answer(write_answer(forged, 7, 8, REQUEST), REQUEST, 5) is None


@pytest.mark.parametrize("data", [b"gwV2a", GOOD[:4] + b"a", b"gwV1", b"gwV1a,", b"gwV1a b", b"gwV1" + b"a" * 4096])
def test_other_names_are_none(data: bytes) -> None:
    """Then an answer should stand there, and does not."""
    assert read_names(data) == ()


def test_names_are_read() -> None:
    """In their order."""
    assert read_names(write_names((b"accept", b"x-y"))) == (b"accept", b"x-y")
