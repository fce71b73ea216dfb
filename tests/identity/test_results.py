"""The cache of verifications: bounded, for a limited time, good and bad results apart."""

from __future__ import annotations

from math import inf

from hypothesis import given
from hypothesis import strategies as st

from gateway.identity.results import REFUSED, Results
from gateway.principal import Principal

ALICE = Principal("alice", token_id="t1")
BOB = Principal("bob", key_id="k1")


def key(number: int) -> bytes:
    """Make what stands for a hash."""
    return number.to_bytes(32, "big")


def test_a_principal_is_kept_for_its_time() -> None:
    """Sixty seconds."""
    results = Results(60.0, 5.0, 10)
    results.keep(key(1), ALICE, now=100.0, left=inf)

    assert results.known[key(1)] == (ALICE, 160.0)


def test_a_principal_is_not_kept_past_the_end_of_its_credential() -> None:
    """With ten seconds left it is kept for ten; one that has expired within the leeway is not kept."""
    results = Results(60.0, 5.0, 10)
    results.keep(key(1), ALICE, now=100.0, left=10.0)
    results.keep(key(2), ALICE, now=100.0, left=0.0)
    results.keep(key(3), ALICE, now=100.0, left=-5.0)

    assert results.known == {key(1): (ALICE, 110.0)}


def test_a_refusal_is_kept_for_its_own_time() -> None:
    """Five seconds."""
    results = Results(60.0, 5.0, 10)
    results.refuse(key(1), now=100.0)

    assert results.refused(key(1), 104.9)
    assert not results.refused(key(1), 105.0)
    assert not results.refused(key(2), 100.0)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 40)), max_size=200))
def test_neither_part_grows_past_its_bound(steps: list[tuple[bool, int]]) -> None:
    """Whatever is entered in whatever order, new or again."""
    results = Results(60.0, 5.0, 10)
    for good, number in steps:
        if good:
            results.keep(key(number), ALICE, 0.0, inf)
        else:
            results.refuse(key(number), 0.0)

    assert len(results.known) <= 10
    assert len(results) <= 20


def test_a_flood_of_bad_credentials_pushes_no_good_one_out() -> None:
    """Refusals have a room of their own, and a smaller one."""
    results = Results(60.0, 5.0, 100_000)
    results.keep(key(0), ALICE, 0.0, inf)
    for number in range(1, 3 * REFUSED):
        results.refuse(key(number), 0.0)

    assert results.known[key(0)][0] is ALICE
    assert len(results) == REFUSED + 1


def test_when_full_the_oldest_goes() -> None:
    """An entry that is made again counts as new."""
    results = Results(60.0, 5.0, 2)
    for number in (1, 2, 1, 3):
        results.keep(key(number), ALICE, 0.0, inf)

    assert list(results.known) == [key(1), key(3)]


def test_nothing_is_kept_where_nothing_shall_be() -> None:
    """No time, or no room, turns the cache off."""
    for results in (Results(0.0, 0.0, 10), Results(60.0, 5.0, 0)):
        results.keep(key(1), ALICE, 0.0, inf)
        results.refuse(key(2), 0.0)
        assert len(results) == 0


def test_some_can_be_forgotten() -> None:
    """Those that are chosen; the version tells verifications that are under way."""
    results = Results(60.0, 5.0, 10)
    results.keep(key(1), ALICE, 0.0, inf)
    results.keep(key(2), BOB, 0.0, inf)
    version = results.version

    assert results.forget(lambda principal: principal.subject == "alice") == 1
    assert list(results.known) == [key(2)]
    assert results.version != version


def test_everything_can_be_forgotten() -> None:
    """Refusals too, so that a key that was just created works at once."""
    results = Results(60.0, 5.0, 10)
    results.keep(key(1), ALICE, 0.0, inf)
    results.refuse(key(2), 0.0)
    version = results.version

    assert results.clear() == 1
    assert len(results) == 0
    assert results.version != version
