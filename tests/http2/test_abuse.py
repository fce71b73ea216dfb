from __future__ import annotations

import pytest

from gateway.http2.abuse import Abuse, Bucket


def test_a_bucket_fills_again() -> None:
    """So many at once, and so many a second; never more than at once, and time never goes back."""
    bucket = Bucket(3, 2.0)

    assert [bucket.take(1, 0.0) for _ in range(4)] == [True, True, True, False]
    assert bucket.take(1, 1.0)
    assert not bucket.take(1, 1.0)
    assert [bucket.take(1, 100.0) for _ in range(4)] == [True, True, True, False]
    assert not bucket.take(1, 50.0)


def test_resets_go_by_their_window() -> None:
    """`limits.http2.resets` of them in `limits.http2.window` seconds are taken, again and again."""
    abuse = Abuse(200, 30.0)
    for minute in range(10):
        for _ in range(200):
            abuse.reset(minute * 60.0)
    assert abuse.flood == ""
    abuse.reset(540.0)

    assert abuse.flood == "resets"
    assert abuse.resets == 2001


@pytest.mark.parametrize(("what", "flood"), [("asked_settings", "settings"), ("pinged", "pings")])
def test_what_asks_for_an_answer_is_bounded(what: str, flood: str) -> None:
    """100 at once, ten a second from then on."""
    abuse = Abuse(200, 30.0)
    for _ in range(100):
        getattr(abuse, what)(5.0)
    for _ in range(10):
        getattr(abuse, what)(6.0)
    assert abuse.flood == ""
    getattr(abuse, what)(6.0)

    assert abuse.flood == flood


def test_what_is_written_may_be_measured() -> None:
    """By PING: as many again as windows may be enlarged, and never more at once than without."""
    abuse = Abuse(200, 30.0)
    abuse.wrote(1_000_000)
    for _ in range(50):
        for _ in range(20):
            abuse.pinged(5.0)
        abuse.wrote(1)
    for _ in range(100):
        abuse.pinged(5.0)
    assert abuse.flood == ""
    abuse.pinged(5.0)

    assert abuse.flood == "pings"


def test_content_that_is_none_is_bounded() -> None:
    """1,000 frames at once, 33 a second from then on."""
    abuse = Abuse(200, 30.0)
    for _ in range(1_000):
        abuse.ignored(1, 5.0)
    for _ in range(33):
        abuse.ignored(1, 6.0)
    assert abuse.flood == ""
    abuse.ignored(1, 6.0)

    assert abuse.flood == "glitches"


def test_windows_are_enlarged_for_what_was_written() -> None:
    """Five, two for a stream, twenty for each part of content that was written, and one for each 128 octets of it."""
    abuse = Abuse(200, 30.0)
    abuse.opened()
    abuse.wrote(1)
    abuse.wrote(3 * 16_384)
    for _ in range(5 + 2 + 20 + 20 + 384):
        abuse.updated()
    assert abuse.flood == ""
    abuse.updated()

    assert abuse.flood == "window_updates"


def test_the_first_flood_is_what_is_told() -> None:
    """Not what came over its limit after it."""
    abuse = Abuse(1, 30.0)
    for _ in range(2):
        abuse.reset(0.0)
    for _ in range(200):
        abuse.pinged(0.0)

    assert abuse.flood == "resets"
