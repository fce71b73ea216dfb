"""SPIFFE IDs by the standard's grammar (its sections 2.1 to 2.4)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.http.spiffe import claims_to_be_one, is_prefix, is_spiffe_id


@pytest.mark.parametrize(
    "name",
    [
        "spiffe://example.org",
        "spiffe://example.org/a",
        "spiffe://a_b-c.9/A-Z_a.z/0/...",
        "spiffe://example.org/.a/..b",
        "spiffe://" + "a" * 255,
        "spiffe://a/" + "b" * 2037,
    ],
)
def test_what_the_standard_allows_is_one(name: str) -> None:
    """A trust domain and a path of any depth."""
    assert is_spiffe_id(name)


@pytest.mark.parametrize(
    "name",
    [
        "spiffe://",
        "spiffe:///a",
        "spiffe:/example.org/a",
        "spiffe:example.org/a",
        "SPIFFE://example.org/a",
        "spiffe://Example.org/a",
        "spiffe://example.org:8443/a",
        "spiffe://user@example.org/a",
        "spiffe://exämple.org/a",
        "spiffe://example.org/",
        "spiffe://example.org/a/",
        "spiffe://example.org//a",
        "spiffe://example.org/a//b",
        "spiffe://example.org/.",
        "spiffe://example.org/../a",
        "spiffe://example.org/a/..",
        "spiffe://example.org/%61",
        "spiffe://example.org/a?b",
        "spiffe://example.org/a?",
        "spiffe://example.org/a#b",
        "spiffe://example.org?a",
        "spiffe://example.org/a b",
        "spiffe://example.org/a\n",
        "spiffe://example.org/ä",
        "spiffe://example.org/a*",
        "spiffe://" + "a" * 256,
        "spiffe://a/" + "b" * 2038,
    ],
)
def test_what_it_forbids_is_none(name: str) -> None:
    """It claims to be one all the same, so it is not taken for another kind of name."""
    assert claims_to_be_one(name)
    assert not is_spiffe_id(name)


@pytest.mark.parametrize("name", ["https://example.org/a", "spiffeid", "", "xspiffe://example.org/a"])
def test_other_names_do_not_claim_to_be_one(name: str) -> None:
    """They are judged by other rules."""
    assert not claims_to_be_one(name)


@pytest.mark.parametrize(
    ("name", "prefix"),
    [
        ("spiffe://example.org/*", True),
        ("spiffe://example.org/shop/*", True),
        ("spiffe://example.org/shop-*", True),
        ("spiffe://example.org*", False),
        ("spiffe://*", False),
        ("spiffe://*/a", False),
        ("spiffe://example.org//*", False),
        ("spiffe://example.org/../*", False),
        ("spiffe://example.org/a/*/b", False),
        ("spiffe://example.org/a", False),
    ],
)
def test_a_beginning_stays_in_one_trust_domain(name: str, prefix: bool) -> None:
    """`example.org*` would be for `example.org.evil` too."""
    assert is_prefix(name) is prefix


@given(st.text(alphabet="aA0._-/%?#:@*\\ ", max_size=30))
def test_what_follows_the_domain_is_a_path_of_good_segments(rest: str) -> None:
    """The grammar, said a second time."""
    good = all(one and set(one) <= set("aA0._-") and one not in (".", "..") for one in rest.split("/"))
    assert is_spiffe_id("spiffe://example.org/" + rest) is good
