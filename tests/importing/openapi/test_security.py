"""Security schemes and requirements as `auth`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gateway.importing.draft import Draft
from tests.importing.imported import imported, left, plain, routes

SCHEMES = """\
components:
  securitySchemes:
    token: {type: http, scheme: Bearer}
    oidc: {type: openIdConnect, openIdConnectUrl: "https://i.example/.well-known/openid-configuration"}
    key: {type: apiKey, in: header, name: X-Key}
    other: {type: apiKey, in: header, name: X-Other}
    crumb: {type: apiKey, in: cookie, name: c}
    people: {type: http, scheme: basic}
    certificate: {type: mutualTLS}
"""


def secured(security: str, directory: Path, more: str = "") -> Draft:
    """Import an operation with requirements."""
    text = f"openapi: 3.0.0\npaths:\n  /a:\n    get: {{operationId: o, security: {security}}}\n{more}{SCHEMES}"
    return imported("openapi", text, directory)


@pytest.mark.parametrize(
    ("security", "auth"),
    [
        ("[{token: []}]", {"type": "jwt", "verifier": "token"}),
        ("[{key: []}]", {"type": "api_key"}),
        ("[{oidc: [r, w]}]", {"type": "jwt", "verifier": "oidc", "scopes": ["r", "w"]}),
        ("[{token: []}, {key: []}]", {"any_of": [{"type": "jwt", "verifier": "token"}, {"type": "api_key"}]}),
        ("[{token: [], key: []}]", {"all_of": [{"type": "jwt", "verifier": "token"}, {"type": "api_key"}]}),
    ],
)
def test_requirements(tmp_path: Path, security: str, auth: dict[str, Any]) -> None:
    """One of several, or all of them; the backend goes on to see what it has seen until now."""
    assert routes(secured(security, tmp_path))["o"]["auth"] == {**auth, "forward_credentials": True}


def test_where_keys_of_issuers_are(tmp_path: Path) -> None:
    """Found by the issuer's own metadata, or a variable that has to be set."""
    draft = secured("[{token: []}, {oidc: []}]", tmp_path)

    assert plain(draft.top["auth"]["jwt"]) == {
        "token": {"algorithms": ["RS256"], "jwks_url": "${TOKEN_JWKS_URL}"},
        "oidc": {"algorithms": ["RS256"], "issuer": "https://i.example"},
    }
    assert list(draft.secrets) == ["TOKEN_JWKS_URL"]


@pytest.mark.parametrize("security", ["[{crumb: []}]", "[{people: []}]", "[{certificate: []}]", "[{unknown: []}]"])
def test_a_scheme_without_a_counterpart_closes_the_operation(tmp_path: Path, security: str) -> None:
    """What was protected is not open."""
    assert routes(secured(security, tmp_path))["o"]["ip_deny"] == ["0.0.0.0/0", "::/0"]


def test_alternatives_of_several_ways_each_close_the_operation(tmp_path: Path) -> None:
    """One of them cannot be said here, and half of it would be too much."""
    draft = secured("[{token: [], key: []}, {oidc: []}]", tmp_path)

    assert routes(draft)["o"]["ip_deny"] == ["0.0.0.0/0", "::/0"]
    assert (4, "paths['/a'].get.security") in left(draft)


def test_keys_in_a_second_place_close_the_operation(tmp_path: Path) -> None:
    """They are shown in one place here."""
    more = "  /b: {get: {operationId: b, security: [{other: []}]}}\n"
    draft = secured("[{key: []}]", tmp_path, more)

    assert "ip_deny" not in routes(draft)["o"]
    assert routes(draft)["b"]["ip_deny"] == ["0.0.0.0/0", "::/0"]


@pytest.mark.parametrize("security", ["[]", "[{}, {token: []}]"])
def test_who_need_not_show_anything_is_not_asked(tmp_path: Path, security: str) -> None:
    """By an empty list, or by an empty alternative, which is listed."""
    draft = secured(security, tmp_path, "security: [{key: []}]\n")

    assert "auth" not in routes(draft)["o"]
    assert any(what == "paths['/a'].get.security" for _, what in left(draft)) == (security != "[]")


def test_a_scheme_that_nobody_asks_for_is_listed(tmp_path: Path) -> None:
    """It would be a verifier without a use."""
    assert "components.securitySchemes.token" in [what for _, what in left(secured("[]", tmp_path))]


@pytest.mark.parametrize("security", ["{token: []}", "[token]", "[null]", "token", "[{token: r}]"])
def test_what_is_no_requirement_closes_the_operation(tmp_path: Path, security: str) -> None:
    """Somebody meant to protect it: it is not open because the words are wrong, and the line is listed."""
    draft = secured(security, tmp_path)

    assert routes(draft)["o"]["ip_deny"] == ["0.0.0.0/0", "::/0"]
    assert "paths['/a'].get.security" in [what for _, what in left(draft)]
