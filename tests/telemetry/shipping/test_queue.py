"""What waits to be sent: bounded, in order, and counted while it is under way."""

from __future__ import annotations

from gateway.telemetry.shipping.queue import OVERHEAD, Queue

TEN = OVERHEAD + 10


def item(name: str) -> bytes:
    """Ten octets."""
    return name.encode().ljust(10, b".")


def test_what_finds_no_room_is_dropped() -> None:
    """The newest: what is queued stays."""
    queue = Queue(3 * TEN)

    assert [queue.put(item(name)) for name in "abcd"] == [0, 0, 0, 1]
    assert queue.batch(9, 1000) == [item(name) for name in "abc"]
    assert queue.octets == 3 * TEN


def test_the_oldest_makes_room_where_that_is_wanted() -> None:
    """But never what is under way, and nothing for what would not fit either way."""
    queue = Queue(3 * TEN, oldest=True)
    for name in "abc":
        queue.put(item(name))
    queue.batch(1, 1000)

    assert queue.put(item("d")) == 1  # b
    assert queue.put(bytes(20)) == 2  # c and d
    assert queue.put(bytes(1000)) == 1  # itself
    assert queue.put(bytes(90)) == 1  # itself: it would fit beside nothing that is under way

    assert queue.front() == [item("a")]
    queue.done()
    assert queue.batch(9, 1000) == [bytes(20)]


def test_a_batch_is_bounded_by_number_and_by_length() -> None:
    """One item goes alone, however long it is."""
    queue = Queue(10_000)
    for name in "abcde":
        queue.put(item(name))
    queue.put(bytes(500))

    assert len(queue.batch(3, 1000)) == 3
    queue.done()
    assert len(queue.batch(9, 25)) == 2
    queue.done()
    assert queue.batch(9, 25) == [bytes(500)]
    assert (queue.waiting, len(queue)) == (0, 1)


def test_what_is_under_way_counts_until_it_is_done() -> None:
    """All of it, or those that are to be sent again."""
    queue = Queue(10_000)
    for name in "abcd":
        queue.put(item(name))
    queue.batch(3, 1000)
    assert (queue.octets, queue.waiting) == (4 * TEN, 1)

    queue.keep([item("b"), item("c")])
    assert (queue.octets, queue.front()) == (3 * TEN, [item("b"), item("c")])

    queue.done()
    assert (queue.octets, queue.batch(9, 1000)) == (TEN, [item("d")])
    assert queue.clear() == 1
    assert (queue.octets, len(queue)) == (0, 0)
