from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from gateway.http2.borders import Borders
from gateway.http2.codes import PREFACE
from tests.http2.wire import CONTINUATION, DATA, END_HEADERS, GET, HEADERS, PING, START, block, frame, headers


def test_a_head_is_under_way_until_its_last_octet() -> None:
    """In its frame, and between its frames."""
    borders = Borders(len(PREFACE))
    whole = block(GET)
    for data, in_head in [
        (START, False),
        (headers(1), False),
        (frame(HEADERS, END_HEADERS, 3, whole)[:8], False),  # it could be any frame
        (frame(HEADERS, END_HEADERS, 3, whole)[8:9], True),
        (frame(HEADERS, END_HEADERS, 3, whole)[9:-1], True),
        (whole[-1:], False),
        (frame(HEADERS, 0, 5, whole[:5]), True),
        (frame(CONTINUATION, 0, 5), True),
        (frame(CONTINUATION, END_HEADERS, 5, whole[5:]) + frame(DATA, 0, 5, bytes(100))[:50], False),
        (bytes(59), False),
        (frame(HEADERS, END_HEADERS, 7), False),
    ]:
        borders.follow(data)
        assert borders.in_head is in_head


FRAMES = st.lists(
    st.builds(
        frame,
        st.sampled_from([HEADERS, CONTINUATION, DATA, PING]),
        st.sampled_from([0, END_HEADERS, 0xFF]),
        st.just(1),
        st.binary(max_size=300),
    ),
    max_size=6,
)


@given(frames=FRAMES, cuts=st.lists(st.integers(0, 2000), max_size=8))
def test_no_cut_makes_a_difference(frames: list[bytes], cuts: list[int]) -> None:
    """In one piece, in a few, and octet by octet."""
    said = PREFACE + b"".join(frames)
    places = sorted({cut % (len(said) + 1) for cut in cuts} | {0, len(said)})
    outcomes = set()
    for pieces in (
        [said],
        [said[i:j] for i, j in pairwise(places)],
        [said[i : i + 1] for i in range(len(said))],
    ):
        borders = Borders(len(PREFACE))
        for piece in pieces:
            borders.follow(piece)
        outcomes.add((borders.in_head, borders.begun, borders.trailing))
    assert len(outcomes) == 1
