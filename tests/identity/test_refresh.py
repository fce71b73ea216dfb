"""Refresh tokens: one of a family is current, so many families are kept, and tokens by their hash."""

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
    """A token of a family."""
    return Shown(family, str(number))


def begun(most: int = 10, *families: str) -> MemoryGrants:
    """A store with families and their first tokens."""
    grants = MemoryGrants(most)
    for family in families or ("family",):
        grants.begin(token(1, family), GRANT, NOW, END)
    return grants


def test_one_token_of_a_family_is_good_at_a_time() -> None:
    """Using it up makes the next one current."""
    grants = begun()

    assert grants.turn(token(1), token(2), NOW, END) == Turned(GRANT, True)
    assert grants.turn(token(2), token(3), NOW, END) == Turned(GRANT, True)


def test_a_token_that_was_used_before_ends_its_family() -> None:
    """However long ago it was used; the current token is no longer good either (RFC 9700 section 4.14.2)."""
    grants = begun(10, "family", "other")
    for number in range(1, 5):
        grants.turn(token(number), token(number + 1), NOW, END)

    assert grants.turn(token(1), token(9), NOW, END) == Turned(GRANT, False)
    assert [grants.turn(token(number), token(9), NOW, END) for number in (5, 9, 1)] == [None] * 3
    assert grants.turn(token(1, "other"), token(2, "other"), NOW, END) == Turned(GRANT, True)


def test_a_family_ends_when_its_good_token_does() -> None:
    """Each use sets a new end."""
    grants = begun()
    assert grants.turn(token(1), token(2), 999.0, 2000.0) == Turned(GRANT, True)

    assert grants.turn(token(2), token(3), 2000.0, 3000.0) is None


def test_a_family_may_be_ended() -> None:
    """By any of its tokens; ending it twice is no error."""
    grants = begun()
    grants.end("family")
    grants.end("family")

    assert grants.turn(token(1), token(2), NOW, END) is None


def test_the_oldest_ends_early_when_there_are_too_many() -> None:
    """The memory is bounded, however many tokens clients ask for."""
    grants = begun(2, "a", "b", "c")

    assert [grants.turn(token(1, name), token(2, name), NOW, END) is None for name in "abc"] == [True, False, False]


def test_what_has_ended_makes_room() -> None:
    """Families that have expired are removed, used or not."""
    grants = begun(10, "a", "b")
    grants.begin(token(1, "c"), GRANT, END, 2 * END)

    assert list(grants._families) == ["c"]


def test_a_token_says_its_family_and_is_not_what_it_is_kept_by() -> None:
    """Who reads the store has no tokens."""
    family = make_token(b"\xff" * 16)
    first, second = (make_refresh_token(family, octets) for octets in (b"\xff" * 32, b"\xfe" * 32))

    assert len(first) == 22 + 1 + 43
    assert family_of(first) == family_of(second) == family
    shown, other = read_token(first), read_token(second)
    assert shown.family == other.family
    assert shown.digest != other.digest
    assert family not in repr(shown)
    assert read_token(first + " ") != shown
