"""What is read of kept answers; through a gateway in `tests/flow/test_cache_lending.py`."""

from __future__ import annotations

from gateway.body import HIGH_WATER
from gateway.caching.flights import Room
from gateway.caching.lending import Lending


def test_an_answer_counts_once_however_many_read_it() -> None:
    """Until the last of them has it, or is gone."""
    lending = Lending(Room(3 * HIGH_WATER))
    content, other = b"a" * (2 * HIGH_WATER), b"b" * (2 * HIGH_WATER)
    first = lending.lend(content, 0, len(content))
    second = lending.lend(content, HIGH_WATER, len(content))
    assert lending.octets == len(content)
    assert lending.may(content)
    assert not lending.may(other)
    assert lending.may(b"c" * HIGH_WATER)  # as much as a connection may hold

    assert second.body.take() == content[HIGH_WATER:]
    second.body.resume()
    assert (second.over, lending.octets) == (True, len(content))
    assert first.body.take() == content[:HIGH_WATER]
    first.cancel()

    assert lending.octets == 0
    assert lending.may(other)


def test_a_part_is_taken_as_there_is_room() -> None:
    """The first octets at once, the rest as the client takes them."""
    lending = Lending(Room(HIGH_WATER))
    content = bytes(range(256)) * 1024
    reader = lending.lend(content, 5, 200_000)
    got = b""
    while not reader.body.ended or not reader.over:
        part = reader.body.take()
        assert len(part) <= HIGH_WATER
        got += part
        reader.body.resume()
    got += reader.body.take()

    assert got == content[5:200_000]
    assert (reader.body.length, lending.octets) == (199_995, 0)
