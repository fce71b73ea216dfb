"""Frames of RFC 6455: where they end, whatever the reads are, and what we say between two of them."""

from __future__ import annotations

import pytest

from gateway.http.websocket import FrameBorders, accepting, close_frame

SHORT = b"\x81\x05hello"
LONG = b"\x82\x7e\x01\x00" + b"\x88" * 256
LONGER = b"\x82\x7f" + (70_000).to_bytes(8, "big") + b"\x88" * 70_000
MASKED = b"\x81\x83abcd\x88\x88\x88"
EMPTY = b"\x89\x00"
FIRST_OF_TWO = b"\x01\x02ab"  # a message in fragments: control frames may stand between them
FRAMES = [SHORT, LONG, LONGER, MASKED, EMPTY, FIRST_OF_TWO]


@pytest.mark.parametrize("frame", FRAMES)
@pytest.mark.parametrize("read", [1, 3, 7, 1000, 100_000])
def test_a_border_is_where_a_frame_ends(frame: bytes, read: int) -> None:
    """However the octets come: there, and nowhere within."""
    borders, stream = FrameBorders(), frame * 2
    for start in range(0, len(stream), read):
        borders.follow(stream[start : start + read])
        assert borders.between == ((min(start + read, len(stream)) % len(frame)) == 0)
        assert not borders.closed


@pytest.mark.parametrize("frame", FRAMES)
def test_the_border_within_a_read_is_found(frame: bytes) -> None:
    """Of a read that has the end of one frame and the beginning of the next, the first part is followed."""
    for cut in range(1, min(len(frame), 20)):
        borders = FrameBorders()
        borders.follow(frame[:cut])
        rest = frame[cut:] + SHORT
        assert borders.follow_to_border(rest) == len(frame) - cut
        assert borders.between


def test_a_read_without_a_border_is_followed_whole() -> None:
    """What follows is still in the same frame."""
    borders = FrameBorders()

    assert borders.follow_to_border(LONG[:100]) == 100
    assert not borders.between


def test_nothing_follows_a_close_frame() -> None:
    """Who has said goodbye says nothing more."""
    borders = FrameBorders()
    borders.follow(SHORT + close_frame(1000))

    assert borders.closed
    assert not borders.between


def test_a_close_frame_has_its_code_and_reason() -> None:
    """RFC 6455 section 5.5.1; not masked, since it comes from a server."""
    assert close_frame(1001) == b"\x88\x02\x03\xe9"
    assert close_frame(1008, "late") == b"\x88\x06\x03\xf0late"


def test_a_frame_to_a_server_is_masked() -> None:
    """RFC 6455 section 5.3; its borders are those of any."""
    frame = close_frame(1008, "late", b"\x01\x02\x03\x04")
    assert frame == b"\x88\x86\x01\x02\x03\x04" + bytes(
        a ^ b for a, b in zip(b"\x03\xf0late", b"\1\2\3\4\1\2", strict=True)
    )
    assert FrameBorders().follow_to_border(frame + b"x") == len(frame)


def test_a_long_reason_is_cut_between_characters() -> None:
    """A control frame has 125 octets, and what is in it is UTF-8."""
    frame = close_frame(1008, "é" * 100)

    assert frame[1] == len(frame) - 2 <= 125
    assert frame[4:].decode() == "é" * 61


def test_a_key_is_answered() -> None:
    """As in section 1.3."""
    assert accepting(b"dGhlIHNhbXBsZSBub25jZQ==") == b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
