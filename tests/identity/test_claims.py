"""Claims of tokens, signed or introspected."""

from __future__ import annotations

from contextlib import suppress
from math import inf
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import CredentialInvalid
from gateway.identity.claims import Expected, moment, word

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
CLAIMS = st.dictionaries(st.sampled_from(["iss", "aud", "sub", "roles", "scope", "jti", "exp"]), JSON)


@given(CLAIMS)
def test_whatever_they_are_they_make_a_principal_or_a_refusal(claims: dict[str, Any]) -> None:
    """Whatever an authority or an issuer sends, no other error is raised."""
    with suppress(CredentialInvalid):
        end = moment(claims, "exp", inf)
        principal = Expected(frozenset(["https://issuer"]), frozenset(["api"])).principal(claims, "jwt", end)

        assert claims["iss"] == "https://issuer"
        assert "api" in claims["aud"]
        assert all(isinstance(one, str) for one in (principal.subject, *principal.roles, *principal.scopes))


@pytest.mark.parametrize("audience", [5, True, {"api": 1}, ["web", 5], "api web"])
def test_an_audience_of_another_kind_is_not_ours(audience: object) -> None:
    """A text is one audience, not several."""
    with pytest.raises(CredentialInvalid):
        Expected(audience=frozenset(["api"])).principal({"aud": audience}, "jwt", inf)


@pytest.mark.parametrize(("value", "expected"), [(None, ""), ("", ""), ("alice", "alice"), (42, "42")])
def test_a_name_is_a_text_or_a_number(value: object, expected: str) -> None:
    """Some issuers number their users."""
    assert word(value) == expected


@pytest.mark.parametrize("value", [True, 1.5, [], {}])
def test_what_is_no_name(value: object) -> None:
    """A claim of any other kind is refused as a name."""
    with pytest.raises(CredentialInvalid):
        word(value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"admin": {"1": "example.org"}, "": 1}, {"admin"}),
        ({}, set()),
        (["read", 5, None, ["write"], ""], {"read"}),
        ("read write", {"read", "write"}),
        (7, set()),
        (True, set()),
        (None, set()),
    ],
)
def test_roles_and_scopes_of_any_kind_refuse_nobody(value: object, expected: set[str]) -> None:
    """An object's keys count, and a list's texts; a claim of another kind counts as none."""
    principal = Expected().principal({"sub": "u", "roles": value, "scope": value}, "jwt", inf)

    assert principal.roles == principal.scopes == expected


@pytest.mark.parametrize(("value", "expected"), [("a", "a"), (5, "5"), (1.5, ""), ({}, ""), (None, "")])
def test_an_id_of_another_kind_is_none(value: object, expected: str) -> None:
    """A token without a usable `jti` is good; it cannot be revoked by it."""
    assert Expected().principal({"sub": "u", "jti": value}, "jwt", inf).token_id == expected


def test_what_backends_are_told_of_further_claims_is_told_to_all() -> None:
    """Among all fields, and among those that never say who is calling."""
    told = ((b"X-Tenant", b"t1"),)

    principal = Expected(told=lambda claims: told).principal({"sub": "a"}, "jwt", inf)

    assert (principal.fields, principal.further) == (told, told)
