"""Principals, and how a claim is found."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.principal import Principal, find_claim

CLAIMS: dict[str, Any] = {
    "sub": "ada",
    "realm_access": {"roles": ["admin"]},
    "https://example.com/roles": ["editor"],
    "a.b": 1,
    "a": {"b": 2, "c": None},
}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("sub", "ada"),
        ("realm_access.roles", ["admin"]),
        ("https://example.com/roles", ["editor"]),
        ("a.b", 1),  # a name that is written so comes before a path
        ("a.c", None),
        ("missing", None),
        ("sub.name", None),
        ("realm_access.roles.0", None),
    ],
)
def test_a_claim_by_its_name_or_a_path(path: str, found: object) -> None:
    """A path does not lead through anything but objects."""
    assert find_claim(CLAIMS, path) == found


def test_a_principal_is_shared_and_never_changes() -> None:
    """All exchanges with one credential have the same object."""
    with pytest.raises(AttributeError):
        Principal("ada").subject = "eve"  # type: ignore[misc]
