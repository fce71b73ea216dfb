"""One answer that was kept, and its octets."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.caching.kept import Kept, decode
from gateway.headers import HeaderBlock, Headers

_texts = st.binary(max_size=20)
_times = st.floats(0, 2**40)


@st.composite
def _answers(draw: st.DrawFn) -> Kept:
    fields = draw(st.lists(st.tuples(_texts, _texts), max_size=5))
    born, fresh, lent, saved, until = draw(st.tuples(*[_times] * 5))
    tags = tuple(draw(st.lists(_texts, max_size=3)))
    block = HeaderBlock(Headers(fields))
    return Kept(draw(st.integers(200, 599)), block, draw(st.binary(max_size=50)), born, fresh, lent, saved, until, tags)


@given(_answers(), st.integers(0, 10**12))
def test_octets_hold_all_of_it(kept: Kept, stamp: int) -> None:
    """What is decoded is what was encoded; the stamp is of who decodes."""
    again = decode(kept.encode(), stamp)

    assert again is not None
    assert [getattr(again, name) for name in ("status", "body", "born", "fresh", "lent", "saved", "until", "tags")] == [
        getattr(kept, name) for name in ("status", "body", "born", "fresh", "lent", "saved", "until", "tags")
    ]
    assert again.block.fields == kept.block.fields
    assert again.block.index == kept.block.index
    assert again.stamp == stamp


@given(_answers(), st.data())
def test_octets_that_are_not_whole_are_no_answer(kept: Kept, data: st.DataObject) -> None:
    """Cut anywhere, or with something behind them, they are refused; octets of another format are, too."""
    octets = kept.encode()

    assert decode(octets[: data.draw(st.integers(0, len(octets) - 1))]) is None
    assert decode(octets + b"x") is None
    assert decode(b"\x00" + octets[1:]) is None


@given(st.binary(max_size=200))
def test_any_octets_are_an_answer_or_none(octets: bytes) -> None:
    """Nothing that a store returns raises."""
    decode(octets)
    decode(b"\x01" + octets)


def test_validators_are_at_hand() -> None:
    """`etag` and `modified` are the fields of the answer."""
    kept = Kept(200, HeaderBlock(Headers([(b"ETag", b'"1"'), (b"Last-Modified", b"then")])), b"", 0, 0, 0, 0, 0)

    assert (kept.etag, kept.modified) == (b'"1"', b"then")


def test_all_that_takes_room_counts() -> None:
    """Content, fields and tags make an answer larger."""
    bare = Kept(200, HeaderBlock(Headers()), b"", 0, 0, 0, 0, 0)
    full = Kept(200, HeaderBlock(Headers([(b"A", b"b" * 100)])), b"x" * 1000, 0, 0, 0, 0, 0, (b"t" * 50,))

    assert full.octets >= bare.octets + 1150
