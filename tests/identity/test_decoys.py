"""The hash that the secret of an unknown client is compared with."""

from __future__ import annotations

from collections import Counter

from gateway.identity.decoys import Decoys
from gateway.identity.secrets import OF_NOBODY, matches

SIX = [f"hash-{number}" for number in range(6)]


def test_a_name_always_has_the_same() -> None:
    """Also after a start: a known name's does not change either."""
    assert [Decoys(SIX).of("nobody") for _ in range(3)] == [Decoys(SIX).of("nobody")] * 3


def test_unknown_names_have_them_in_the_same_shares_as_known_ones() -> None:
    """A third of the users costs more: so does a third of the names that nobody has."""
    drawn = Counter(Decoys(SIX).of(f"name-{number}") for number in range(6_000))

    assert set(drawn) == set(SIX)
    assert all(850 < count < 1_150 for count in drawn.values())


def test_which_one_cannot_be_foretold() -> None:
    """Another file, other draws: who does not have the hashes cannot tell a known name by its time."""
    names = [f"name-{number}" for number in range(100)]
    one, other = Decoys(SIX), Decoys([*SIX[:5], "another"])

    assert [one.of(name) for name in names] != [other.of(name).replace("another", "hash-5") for name in names]


def test_where_nobody_is_known() -> None:
    """A comparison all the same, with what nobody knows."""
    assert Decoys([]).of("nobody") == OF_NOBODY
    assert not matches("", OF_NOBODY)


def test_a_name_that_is_no_text() -> None:
    """It comes from a client."""
    assert Decoys(SIX).of("\udcff") in SIX
