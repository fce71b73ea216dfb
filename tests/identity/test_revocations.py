"""The deny-list."""

from __future__ import annotations

from gateway.identity.revocations import Revocations
from gateway.principal import Principal

TOKEN = Principal("alice", token_id="same")
KEY = Principal("alice", key_id="same")


def test_a_token_is_refused_by_its_id() -> None:
    """A key with the same id is not."""
    revocations = Revocations()
    revocations.add("jti", "same", now=0.0)

    assert revocations.refuses(TOKEN, 1.0)
    assert not revocations.refuses(KEY, 1.0)
    assert not revocations.refuses(Principal("alice"), 1.0)


def test_a_key_is_refused_by_its_id() -> None:
    """A token with the same id is not."""
    revocations = Revocations()
    revocations.add("key_id", "same", now=0.0)

    assert revocations.refuses(KEY, 1.0)
    assert not revocations.refuses(TOKEN, 1.0)


def test_an_entry_ends_with_its_credential() -> None:
    """An expired credential is refused without it."""
    revocations = Revocations()
    revocations.add("jti", "same", now=0.0, until=10.0)

    assert revocations.refuses(TOKEN, 9.9)
    assert not revocations.refuses(TOKEN, 10.0)


def test_a_full_list_makes_room_from_what_has_ended_only() -> None:
    """Entries in force are never dropped; renewing one needs no room."""
    revocations = Revocations(most=2)
    assert revocations.add("jti", "same", 0.0)
    assert revocations.add("jti", "ended", 0.0, until=5.0)
    assert not revocations.add("jti", "third", 4.0)
    assert revocations.add("jti", "same", 4.0)
    assert revocations.add("jti", "third", 6.0)

    assert revocations.refuses(TOKEN, 7.0)
    assert len(revocations) == 2
