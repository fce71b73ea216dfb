"""What is asked of the rules for tokens when they are written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from gateway.config import Settings

Load = Callable[..., Settings]
Complaints = Callable[..., list[str]]


def verifier(load_text: Load, text: str) -> Any:
    """Load one."""
    settings = load_text(f"auth: {{jwt: {{default: {{algorithms: [HS256], secret: {'x' * 32}, {text}}}}}}}")
    assert settings.auth is not None
    return settings.auth.jwt["default"]


def test_one_issuer_or_several(load_text: Load) -> None:
    """For a verifier, and for a route."""
    assert verifier(load_text, "issuer: https://a").issuer == ("https://a",)
    assert verifier(load_text, "issuer: [https://a, https://b]").issuer == ("https://a", "https://b")
    assert verifier(load_text, "issuer: []").issuer == ()


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("{azp: [web, ios]}", {"azp": ("web", "ios")}),
        ("{azp: web}", {"azp": ("web",)}),
        ("{tid: 007}", {"tid": ("007",)}),
        ("{ver: [2], verified: true, said: 'true'}", {"ver": ("2",), "verified": (True,), "said": ("true",)}),
        ("{'https://example.com/tier': gold, realm_access.roles: [user]}", None),
    ],
)
def test_values_that_claims_must_have(load_text: Load, text: str, values: dict[str, Any] | None) -> None:
    """A list or its only member; numbers as they are written, `true` and "true" apart."""
    found = verifier(load_text, f"require: {text}").require

    assert found == (
        {"https://example.com/tier": ("gold",), "realm_access.roles": ("user",)} if values is None else values
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("require: {azp: []}", "auth.jwt.default.require.azp: expected at least one entry, found none"),
        ("require: {azp: ['']}", "auth.jwt.default.require.azp[0]: expected a text, an integer, true or false"),
        ("require: {azp: 1.5}", "auth.jwt.default.require.azp: expected a text, an integer, true or false"),
        ("require: {azp: {a: b}}", "auth.jwt.default.require.azp: expected a list, found a mapping"),
        ("require: [azp]", "auth.jwt.default.require: expected a mapping, found a list"),
        ("issuer: ['']", "auth.jwt.default.issuer[0]: expected a text that is not empty"),
        ("issuer: {a: b}", "auth.jwt.default.issuer: expected a list, found a mapping"),
    ],
)
def test_what_no_token_could_have_is_refused(complaints: Complaints, text: str, words: str) -> None:
    """With its place."""
    lines = complaints(f"auth: {{jwt: {{default: {{algorithms: [HS256], secret: {'x' * 32}, {text}}}}}}}")

    assert any(words in line for line in lines), lines


def test_keys_of_several_issuers_are_published_where_each_is_a_url(complaints: Complaints, load_text: Load) -> None:
    """The metadata of an issuer that is none cannot be asked for."""
    settings = load_text("auth: {jwt: {default: {issuer: [https://a, https://b]}}}")
    assert settings.auth is not None
    assert settings.auth.jwt["default"].issuer == ("https://a", "https://b")

    (line,) = complaints("auth: {jwt: {default: {issuer: [https://a, b]}}}")
    assert line.endswith("expected `public_key_file` or `jwks_url` for RS256, found neither")


def test_what_an_authority_must_say_is_written_alike(load_text: Load) -> None:
    """`audience` too may be written as one."""
    settings = load_text(
        "auth: {introspection: {default: {url: 'https://a/ask', issuer: https://a, audience: api, require: {azp: w}}}}"
    )

    assert settings.auth is not None
    found = settings.auth.introspection["default"]
    assert (found.issuer, found.audience, found.require) == (("https://a",), ("api",), {"azp": ("w",)})
