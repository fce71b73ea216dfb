"""Refresh tokens: one of a family is good, so many are kept, and by their hash."""

from __future__ import annotations

from gateway.identity.refresh import (
    Grant,
    MemoryGrants,
    Shown,
    Turned,
    family_of,
    make_refresh_token,
    make_token,
    read_token,
)

GRANT = Grant("acme", ("read",))
NOW, END = 100.0, 1000.0


def token(number: int, family: str = "family") -> Shown:
    """One of a family."""
    return Shown(family, str(number))


def begun(most: int = 10, *families: str) -> MemoryGrants:
    """A store with families whose first token is good."""
    grants = MemoryGrants(most)
    for family in families or ("family",):
        grants.begin(token(1, family), GRANT, NOW, END)
    return grants


def test_one_token_of_a_family_is_good_at_a_time() -> None:
    """Each is followed by another."""
    grants = begun()

    assert grants.turn(token(1), token(2), NOW, END) == Turned(GRANT, True)
    assert grants.turn(token(2), token(3), NOW, END) == Turned(GRANT, True)


def test_a_token_that_was_used_before_ends_its_family() -> None:
    """However long ago; nothing of it is good from then on, the good one neither (RFC 9700 section 4.14.2)."""
    grants = begun(10, "family", "other")
    for number in range(1, 5):
        grants.turn(token(number), token(number + 1), NOW, END)

    assert grants.turn(token(1), token(9), NOW, END) == Turned(GRANT, False)
    assert [grants.turn(token(number), token(9), NOW, END) for number in (5, 9, 1)] == [None] * 3
    assert grants.turn(token(1, "other"), token(2, "other"), NOW, END) == Turned(GRANT, True)


def test_a_family_ends_when_its_good_token_does() -> None:
    """Which is renewed with each use."""
    grants = begun()
    assert grants.turn(token(1), token(2), 999.0, 2000.0) == Turned(GRANT, True)

    assert grants.turn(token(2), token(3), 2000.0, 3000.0) is None


def test_a_family_may_be_ended() -> None:
    """By any of its tokens, and twice."""
    grants = begun()
    grants.end("family")
    grants.end("family")

    assert grants.turn(token(1), token(2), NOW, END) is None


def test_the_oldest_ends_early_when_there_are_too_many() -> None:
    """Memory is bounded, whatever clients ask for."""
    grants = begun(2, "a", "b", "c")

    assert [grants.turn(token(1, name), token(2, name), NOW, END) is None for name in "abc"] == [True, False, False]


def test_what_has_ended_makes_room() -> None:
    """A family that nobody asks for any more is not kept for ever."""
    grants = begun(10, "a", "b")
    grants.begin(token(1, "c"), GRANT, END, 2 * END)

    assert list(grants._families) == ["c"]


def test_a_token_says_its_family_and_is_not_what_it_is_kept_by() -> None:
    """Who reads the store cannot use what is in it."""
    family = make_token(b"\xff" * 16)
    first, second = (make_refresh_token(family, octets) for octets in (b"\xff" * 32, b"\xfe" * 32))

    assert len(first) == 22 + 1 + 43
    assert family_of(first) == family_of(second) == family
    shown, other = read_token(first), read_token(second)
    assert shown.family == other.family
    assert shown.digest != other.digest
    assert family not in repr(shown)
    assert read_token(first + " ") != shown
