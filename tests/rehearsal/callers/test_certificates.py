"""Certificates of callers that are made up."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.config.schema.cases import TIME, CaseRequest
from gateway.rehearsal.stage import CannotShow, Outcome
from tests.rehearsal.callers.test_credentials import stage, verifier
from tests.tokens import SECRET


def ask(mtls: dict[str, Any], way: Any, claims: dict[str, Any]) -> Outcome:
    """Ask a route once, over TLS."""
    asked = stage({**verifier(algorithms=["HS256"], secret=SECRET), "mtls": mtls}, way, claims)
    asked.begin(TIME, {})
    return asked.ask(CaseRequest(url="https://x/a"), claims)


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("san_uri", "spiffe://example.org/shop"),
        ("san_dns", "shop.example.org"),
        ("san_email", "ada@example.org"),
        ("cn", "Ada Lovelace"),
        ("subject", "CN=Ada,O=Engines"),
    ],
)
def test_a_caller_shows_a_certificate_with_its_name(kind: str, name: str) -> None:
    """Of the kind that counts."""
    outcome = ask({"user": kind}, {"type": "mtls"}, {"sub": name})

    assert (outcome.answer.status, outcome.record["user_id"]) == (200, name)


def test_what_is_known_of_a_name_is_asked() -> None:
    """Roles are those of `clients`, whatever the claims say; who is not listed is refused where all have to be."""
    clients = [{"name": "spiffe://example.org/a", "user": "ada", "roles": ["admin"]}]
    mtls = {"clients": clients, "listed_only": True}
    way = {"type": "mtls", "roles": ["admin"]}

    known = ask(mtls, way, {"sub": "spiffe://example.org/a"})
    unknown = ask(mtls, way, {"sub": "spiffe://example.org/b", "roles": ["admin"]})

    assert (known.answer.status, known.record["user_id"]) == (200, "ada")
    assert (unknown.answer.status, unknown.record["reason"]) == (401, "auth.invalid")


def test_a_certificate_is_shown_with_a_token_where_both_are_needed() -> None:
    """And a token alone where it is enough: it says more of its caller."""
    claims = {"sub": "spiffe://example.org/a", "scope": "read"}

    assert ask({}, {"all_of": ["mtls", "jwt"]}, claims).answer.status == 200
    assert ask({}, {"any_of": ["mtls", "jwt"], "scopes": ["read"]}, claims).answer.status == 200


@pytest.mark.parametrize(
    ("mtls", "claims", "words"),
    [
        ({}, {"scope": "read"}, "`claims` have no `sub`"),
        ({"user": "cn"}, {"sub": "x" * 65}, "`sub` is no name for a certificate"),
        ({"user": "subject"}, {"sub": "ada"}, "`sub` is no name for a certificate"),
    ],
)
def test_what_has_no_certificate(mtls: dict[str, Any], claims: dict[str, Any], words: str) -> None:
    """Is said, and nothing is sent."""
    with pytest.raises(CannotShow, match=words):
        ask(mtls, {"type": "mtls"}, claims)
