"""A principal as request fields: no text of it can end its field."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import CredentialInvalid
from gateway.identity.fields import LONGEST_CLAIM, claims_describer, describer, encode
from gateway.principal import ClaimPath, Principal

TEXT = st.text(st.characters(exclude_categories=["Cs"]))


@given(TEXT)
def test_any_text_is_visible_ascii_without_commas(text: str) -> None:
    """And decodes to the same text."""
    written = encode(text)

    assert re.fullmatch(rb"[!-+\--~]*", written)
    assert unquote(written.decode(), errors="strict") == text


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("alice@example.com", b"alice@example.com"),
        ("auth0|5f7c", b"auth0|5f7c"),
        ("https://example.com/u?x=1&y#z", b"https://example.com/u?x=1&y#z"),
        ("a\r\nX-Admin: 1", b"a%0D%0AX-Admin:%201"),
        ("J\u00f6rg", b"J%C3%B6rg"),
        ("a,b", b"a%2Cb"),
        ("100%", b"100%25"),
        ("\0", b"%00"),
    ],
)
def test_what_it_looks_like(text: str, written: bytes) -> None:
    """Ordinary names stay as they are."""
    assert encode(text) == written


def test_half_a_character_cannot_be_written() -> None:
    """The verification refuses the credential then."""
    with pytest.raises(UnicodeEncodeError):
        encode("\ud800")


def test_a_principal_is_three_fields() -> None:
    """Roles and scopes are sorted; the configuration names the fields."""
    describe = describer("X-Who", "X-Roles", "X-Scopes")

    assert describe(Principal("alice", frozenset(["b", "a,c"]), frozenset(["read"]))) == (
        (b"X-Who", b"alice"),
        (b"X-Roles", b"a%2Cc,b"),
        (b"X-Scopes", b"read"),
    )


def test_what_is_empty_is_left_out() -> None:
    """To a backend no field means none."""
    assert describer("X-User-ID", "X-User-Roles", "X-User-Scopes")(Principal("alice")) == ((b"X-User-ID", b"alice"),)


@pytest.mark.parametrize(
    ("claim", "value"),
    [
        ("acme", b"acme"),
        ("a\r\nX-Admin: 1", b"a%0D%0AX-Admin:%201"),
        ("a\x85\u2028b\0", b"a%C2%85%E2%80%A8b%00"),
        ("Z\u00fcrich, CH", b"Z%C3%BCrich%2C%20CH"),
        (7, b"7"),
        (-0.5, b"-0.5"),
        (True, b"true"),
        (False, b"false"),
        (["a", "b,c", "", 7, True], b"a,b%2Cc,7,true"),
        ({"id": "a", "n": [1, 2]}, b'{"id":"a"%2C"n":[1%2C2]}'),
        ([{"id": 1}, "a"], b'[{"id":1}%2C"a"]'),
        (["a", None], b'["a"%2Cnull]'),
        ({"city": "Z\u00fcrich"}, b'{"city":"Z%C3%BCrich"}'),
        ([], None),
        ("", None),
        (None, None),
    ],
)
def test_a_claim_is_a_field(claim: Any, value: bytes | None) -> None:
    """Lists by their items, objects as JSON; none where there is nothing to say."""
    described = claims_describer({"X-Tenant": "tenant"})({"tenant": claim})

    assert described == (() if value is None else ((b"X-Tenant", value),))


def test_claims_are_found_as_the_roles_are() -> None:
    """By a name with dots, by a path, name by name; in the order of the configuration."""
    headers: dict[str, ClaimPath] = {
        "X-B": "realm.id",
        "X-A": "https://example.com/plan",
        "X-C": ("api.example.com", "tier"),
        "X-D": "none",
    }
    claims = {"https://example.com/plan": "pro", "realm": {"id": 4}, "api.example.com": {"tier": "gold"}}

    assert claims_describer(headers)(claims) == ((b"X-B", b"4"), (b"X-A", b"pro"), (b"X-C", b"gold"))


@pytest.mark.parametrize(
    "claim",
    [
        "x" * (LONGEST_CLAIM + 1),
        ["x" * 100] * 50,
        {"a": "," * 2000},
        "\ud800",
        ["\udfff"],
        float("inf"),
        {"a": [float("nan")]},
    ],
)
def test_a_claim_that_fits_no_field_refuses_the_token(claim: Any) -> None:
    """A field that is left out or cut off would say something else."""
    describe = claims_describer({"X-Tenant": "tenant"})

    with pytest.raises(CredentialInvalid):
        describe({"tenant": claim})
    assert describe({"tenant": "x" * LONGEST_CLAIM}) == ((b"X-Tenant", b"x" * LONGEST_CLAIM),)


SHORT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
PLAIN = st.none() | st.booleans() | st.integers(-9, 9) | SHORT


@given(st.dictionaries(SHORT, PLAIN | st.lists(PLAIN, max_size=2), max_size=2) | SHORT)
def test_no_claim_ends_its_field_and_decoding_gives_it_back(claim: Any) -> None:
    """Objects as JSON, texts as they are."""
    fields = claims_describer({"X-Tenant": "tenant"})({"tenant": claim})

    written = fields[0][1] if fields else b""
    assert re.fullmatch(rb"[!-+\--~]*", written)
    decoded = unquote(written.decode(), errors="strict")
    assert (json.loads(decoded) if isinstance(claim, dict) else decoded) == claim
