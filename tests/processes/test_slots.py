"""States in shared memory: found by key, forgotten when there is nothing to remember, whatever was written before."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gateway.processes.memory import SharedMemory, new_memory
from gateway.processes.slots import (
    END_SIZE,
    PARTS,
    WAYS,
    WINDOW_SIZE,
    Slots,
    read_end,
    read_window,
    write_end,
    write_window,
)


@pytest.fixture
def memory() -> Iterator[SharedMemory]:
    """Empty."""
    made = SharedMemory(new_memory())
    yield made
    made.close()


def ends(memory: SharedMemory) -> Slots:
    """A table of one bucket."""
    return Slots(memory, 0, 1, END_SIZE, read_end, write_end)


def test_a_full_bucket_forgets_what_ends_first(memory: SharedMemory) -> None:
    """What is over makes room before that."""
    slots = ends(memory)
    for number in range(WAYS):
        slots.keep(*slots.place(b"%d" % number), 100.0 + number, now=50.0)

    slots.keep(*slots.place(b"new"), 200.0, now=50.0)
    slots.keep(*slots.place(b"newer"), 200.0, now=101.5)

    assert slots.state(*slots.place(b"0")) is None
    assert slots.state(*slots.place(b"1")) is None
    assert [slots.state(*slots.place(b"%d" % number)) for number in range(2, WAYS)] == [102.0 + n for n in range(6)]
    assert [slots.state(*slots.place(key)) for key in (b"new", b"newer")] == [200.0, 200.0]


def test_nothing_to_remember_is_nothing(memory: SharedMemory) -> None:
    """Also where there was something."""
    slots = ends(memory)
    place = slots.place(b"a")
    slots.keep(*place, None, now=1.0)
    assert slots.state(*place) is None
    slots.keep(*place, 9.0, now=1.0)
    slots.keep(*place, None, now=1.0)
    assert slots.state(*place) is None


def test_a_window_of_any_number_of_parts(memory: SharedMemory) -> None:
    """What is read is what was written."""
    slots = Slots(memory, 0, 4, WINDOW_SIZE, read_window, write_window)
    for parts in range(1, PARTS + 1):
        state = [500.0, parts * 3, *(figure for part in range(parts) for figure in (10**12 + part, 3))]
        slots.keep(*slots.place(b"a"), state, now=1.0)

        assert slots.state(*slots.place(b"a")) == state


def test_what_is_half_written_is_nothing_or_something_that_can_be_read(memory: SharedMemory) -> None:
    """A worker may be killed at any moment."""
    slots = Slots(memory, 0, 1, WINDOW_SIZE, read_window, write_window)
    slots.keep(*slots.place(b"a"), [500.0, 1, 7, 1], now=1.0)

    memory.octets[24:28] = b"\xff\xff\xff\xff"  # the number of parts

    assert slots.state(*slots.place(b"a")) is None


def test_a_slot_that_was_found_is_read_and_written_without_another_look(memory: SharedMemory) -> None:
    """And one that was not gets a free one: what a limit does that is alone."""
    slots = ends(memory)
    digest, bucket = slots.place(b"a")
    assert (slots.find(digest, bucket), slots.read(-1)) == (-1, None)

    slots.put(-1, digest, bucket, 200.0, 50.0)
    at = slots.find(digest, bucket)
    slots.put(at, digest, bucket, 300.0, 50.0)

    assert at >= 0
    assert (slots.read(at), slots.state(digest, bucket)) == (300.0, 300.0)
    assert memory.octets[: WAYS * 24].count(digest) == 1
