from __future__ import annotations

from gateway.body import HIGH_WATER
from gateway.http2 import windows
from gateway.http2.engine import WORN_BY
from gateway.http2.windows import Owed


def test_what_is_taken_is_given_back_at_once() -> None:
    """As long as somebody takes it."""
    owed = Owed()

    assert [owed.received(5), owed.received(7)] == [5, 7]


def test_what_nobody_takes_is_owed() -> None:
    """Until it is settled."""
    owed = Owed()
    owed.pause()

    assert [owed.received(5), owed.received(7)] == [0, 0]
    assert owed.settle() == 12
    assert owed.settle() == 0
    assert owed.received(3) == 3


def test_a_stream_fits_into_a_body() -> None:
    """What can come while nobody takes it is what a body may hold (Note [Windows and the sizes of bodies])."""
    assert windows.STREAM <= HIGH_WATER


def test_a_clients_window_outlives_the_leak() -> None:
    """Half of it is left when the connection is given up (Note [Windows leak])."""
    assert WORN_BY * 16_384 < windows.CLIENTS / 2


def test_slow_clients_cannot_hold_a_backends_connection() -> None:
    """All of its streams may stand still, and there is still room for another."""
    assert all(windows.of_backend(streams) - streams * windows.STREAM >= windows.STREAM for streams in (1, 100, 1000))
