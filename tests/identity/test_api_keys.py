"""API keys: made, hashed and judged."""

from __future__ import annotations

import hmac
from contextlib import suppress
from hashlib import sha256

import pytest

from gateway.errors import CredentialInvalid
from gateway.identity.api_keys import KeyRecord, digester, judge, new_key

DIGEST = bytes(range(32))


def test_a_key_names_its_id_and_holds_256_random_bits() -> None:
    """No two are alike, and secret scanners recognise them."""
    key = new_key("acme", lambda count: b"\xff" * count)

    assert key == "gw_acme_" + "_" * 43 or key.startswith("gw_acme_")
    assert len(key) == len("gw_acme_") + 43


@pytest.mark.parametrize("key_id", ["", "a b", "a_b", "-a", "a" * 65, "ü", "a/b"])
def test_an_id_is_plain(key_id: str) -> None:
    """It stands in logs, in metrics and on command lines."""
    with pytest.raises(ValueError, match="expected an id"):
        new_key(key_id, bytes)


def test_what_is_kept_is_a_hash() -> None:
    """With a pepper it is a keyed hash, so that a stolen store is of no use by itself."""
    assert digester(b"")(b"k") == sha256(b"k").digest()
    assert digester(b"pepper")(b"k") == hmac.digest(b"pepper", b"k", "sha256")


def test_a_good_key_is_its_user() -> None:
    """Or its id, where it has no user; the principal expires with the key."""
    record = KeyRecord("acme", DIGEST, "", frozenset({"r"}), frozenset({"s"}), 100.0)
    principal = judge(record, DIGEST, 99.0)

    assert (principal.subject, principal.key_id, principal.method) == ("acme", "acme", "api_key")
    assert (principal.roles, principal.scopes, principal.expires) == (frozenset({"r"}), frozenset({"s"}), 100.0)


@pytest.mark.parametrize(
    "record",
    [
        None,
        KeyRecord("acme", DIGEST, "", revoked=True),
        KeyRecord("acme", DIGEST, "", expires=100.0),
        KeyRecord("acme", DIGEST[:-1] + b"\0", ""),
    ],
    ids=["unknown", "revoked", "expired", "another's"],
)
def test_any_other_is_refused(record: KeyRecord | None) -> None:
    """So is a record with another digest, which a store's index may have found."""
    with pytest.raises(CredentialInvalid):
        judge(record, DIGEST, 100.0)


def test_every_look_up_compares_whole_digests(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of one length, in constant time, also where no record was found."""
    compared: list[tuple[bytes, bytes]] = []
    real = hmac.compare_digest

    def compare(a: bytes, b: bytes) -> bool:
        compared.append((a, b))
        return real(a, b)

    monkeypatch.setattr(hmac, "compare_digest", compare)
    for record in (None, KeyRecord("acme", DIGEST, "")):
        with suppress(CredentialInvalid):
            judge(record, DIGEST, 0.0)

    assert [(len(a), len(b)) for a, b in compared] == [(32, 32)] * 2
