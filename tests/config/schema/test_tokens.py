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


PLACES = ["header:Authorization", "cookie:access_token", "header:Cf-Access-Jwt-Assertion", "query:access_token"]


def test_places_of_tokens(load_text: Load) -> None:
    """As they are written, in their order; `Authorization` without a word."""
    assert verifier(load_text, f"from: {PLACES}").places == tuple(PLACES)
    assert verifier(load_text, "from: cookie:session").places == ("cookie:session",)
    assert verifier(load_text, "leeway: 1s").places == ("header:Authorization",)
    assert verifier(load_text, "leeway: 1s").in_authorization_only
    assert verifier(load_text, "from: header:authorization").in_authorization_only
    assert not verifier(load_text, f"from: {PLACES}").in_authorization_only


@pytest.mark.parametrize(
    ("places", "words"),
    [
        ("[]", "from: expected at least one entry, found none"),
        ("[body:token]", 'from[0]: expected `header:NAME`, `cookie:NAME` or `query:NAME`, found "body:token"'),
        ("[header]", "from[0]: expected `header:NAME`, `cookie:NAME` or `query:NAME`"),
        ("['header:']", "from[0]: expected `header:NAME`, `cookie:NAME` or `query:NAME`"),
        ("['header:X Token']", "from[0]: expected `header:NAME`, `cookie:NAME` or `query:NAME`"),
        ("['cookie:a=b']", "from[0]: expected `header:NAME`, `cookie:NAME` or `query:NAME`"),
        ("['cookie:a;b']", "from[0]: expected `header:NAME`, `cookie:NAME` or `query:NAME`"),
        ("['query:a&b']", "from[0]: expected `header:NAME`, `cookie:NAME` or `query:NAME`"),
        ("['query:a b']", "from[0]: expected `header:NAME`, `cookie:NAME` or `query:NAME`"),
        ("['query:a%20b']", "from[0]: expected `header:NAME`, `cookie:NAME` or `query:NAME`"),
        ("['header:Cookie']", 'from[0]: expected `cookie:NAME` for a token in a cookie, found "header:Cookie"'),
        ("['header:Host']", 'from[0]: expected a field that is free for a token, found "header:Host"'),
        ("['header:x_forwarded_for']", "from[0]: expected a field that is free for a token"),
        ("['header:Proxy-Authorization']", "from[0]: expected a field that is free for a token"),
        ("[cookie:a, cookie:a]", 'expected each place once in `from`, found "cookie:a" twice'),
        ("['header:X-Token', 'header:x_token']", 'expected each place once in `from`, found "header:x_token" twice'),
        ("{cookie: a}", "from: expected a list, found a mapping"),
    ],
)
def test_what_is_no_place_is_refused(complaints: Complaints, places: str, words: str) -> None:
    """With its place."""
    lines = complaints(f"auth: {{jwt: {{default: {{algorithms: [HS256], secret: {'x' * 32}, from: {places}}}}}}}")

    assert any(words in line for line in lines), lines


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("https://app.example.com", "https://app.example.com"),
        ("HTTPS://App.Example.com:443", "https://app.example.com"),
        ("http://localhost:3000", "http://localhost:3000"),
        ("https://*.example.com", "https://*.example.com"),
        ("https://*.example.com:8443", "https://*.example.com:8443"),
        ("https://b\u00fccher.example", "https://xn--bcher-kva.example"),
        ("https://[2001:DB8::1]", "https://[2001:db8::1]"),
    ],
)
def test_origins_as_browsers_write_them(load_text: Load, written: str, read: str) -> None:
    """In lower case, without the scheme's own port, names as IDNA has them."""
    assert verifier(load_text, f"from: cookie:a, origins: '{written}'").origins == (read,)


@pytest.mark.parametrize(
    "written",
    [
        "null",
        "*",
        "app.example.com",
        "https://",
        "https://*",
        "https://*.com",
        "https://a.*.com",
        "https://a.example/",
        "https://a.example/x",
        "ws://a.example",
        "https://a@b.example",
        "https://a.example?x",
        "https://*.[::1]",
        "https://a.example, https://b.example",
    ],
)
def test_what_no_browser_sends_is_no_origin(complaints: Complaints, written: str) -> None:
    """`null` neither: it is the origin of every sandboxed page there is."""
    text = f"algorithms: [HS256], secret: {'x' * 32}, from: cookie:a, origins: ['{written}']"

    lines = complaints(f"auth: {{jwt: {{default: {{{text}}}}}}}")

    assert any("auth.jwt.default.origins[0]: expected a" in line for line in lines), lines
    assert "://" in written or any(f'found "{written}"' in line for line in lines)  # as it was written
