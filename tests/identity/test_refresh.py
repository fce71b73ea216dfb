"""Refresh tokens in memory: one use, so many, and kept by their hash."""

from __future__ import annotations

from gateway.identity.refresh import Grant, MemoryGrants, digest_of, make_token

GRANT = Grant("acme", ("read",), 1000.0)


def test_a_grant_is_taken_once() -> None:
    """Of two who ask, one gets it."""
    grants = MemoryGrants()
    grants.keep("digest", GRANT)

    assert grants.take("digest") == GRANT
    assert grants.take("digest") is None


def test_the_oldest_ends_early_when_there_are_too_many() -> None:
    """Memory is bounded, whatever clients ask for."""
    grants = MemoryGrants(most=2)
    for number in range(3):
        grants.keep(str(number), GRANT)

    assert [grants.take(str(number)) for number in range(3)] == [None, GRANT, GRANT]


def test_a_token_is_its_octets_and_is_not_what_it_is_kept_by() -> None:
    """Who reads the store cannot use what is in it."""
    token = make_token(b"\xff" * 32)

    assert len(token) == 43
    assert make_token(b"\xfe" * 32) != token
    assert token not in digest_of(token)
    assert digest_of(token) != digest_of(token + " ")
