"""Names that `claim_headers` may not have: what means something else already, and what looks like another."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gateway.config import Settings

Load = Callable[..., Settings]
Complaints = Callable[..., list[str]]

AUTH = """
auth:
  identity_fields: {roles: X-Groups-Of}
  api_keys: {header: X-Key, keys: [{id: acme, key: the-key-of-acme}]}
  %s
"""
VERIFIERS = {
    "jwt": "jwt: {default: {algorithms: [HS256], secret: '0123456789012345678901234567890123', claim_headers: %s}}",
    "introspection": "introspection: {default: {url: 'http://127.0.0.1:1/ask', claim_headers: %s}}",
}
ELSE = "it means something else already"


@pytest.mark.parametrize("kind", VERIFIERS)
@pytest.mark.parametrize(
    ("header", "why"),
    [
        *((name, ELSE) for name in ("Host", "Connection", "content-length", "Transfer_Encoding", "Proxy", "Via")),
        *((name, ELSE) for name in ("Authorization", "Cookie", "X-Forwarded-For", "x_forwarded_host", "X-Request-ID")),
        *((name, ELSE) for name in ("X-Original-URL", "TE", "Content-Type", "traceparent", "Forwarded", "X-Real-IP")),
        ("X-User-ID", "`auth.identity_fields` has it"),
        ("x_groups_of", "`auth.identity_fields` has it"),
        ("X-Key", "it is where credentials are shown"),
    ],
)
def test_a_name_that_means_something_else_is_refused(complaints: Complaints, kind: str, header: str, why: str) -> None:
    """In every spelling that a backend may read as it."""
    (line,) = complaints(AUTH % (VERIFIERS[kind] % f"{{X-Tenant: tenant, {header}: other}}"))

    path = f"auth.{kind}.default.claim_headers.{header}"
    assert line.startswith("gateway.yaml:5:")
    assert line.endswith(f': {path}: expected a field that is for this claim only, found "{header}": {why}')


def test_two_names_that_a_backend_may_take_for_one_are_refused(complaints: Complaints) -> None:
    """It would read the one or the other."""
    (line,) = complaints(AUTH % (VERIFIERS["jwt"] % "{X-Tenant: tenant, x_tenant: other}"))

    assert line.endswith('found "x_tenant": backends may read it as `X-Tenant`')


@pytest.mark.parametrize(
    ("headers", "words"),
    [
        ("{'X Tenant': tenant}", "expected the name of a header field"),
        (
            "{X-Tenant: []}",
            "expected the name of a claim, a dotted path to it, or a list of names, found an empty list",
        ),
        ("[X-Tenant]", "expected a mapping, found a list"),
    ],
)
def test_what_is_no_field_or_no_claim_is_refused(complaints: Complaints, headers: str, words: str) -> None:
    """With its place."""
    (line,) = complaints(AUTH % (VERIFIERS["jwt"] % headers))

    assert words in line


def test_other_names_are_free(load_text: Load) -> None:
    """`X-User-` too, which no client may send anyway; several verifiers may fill in the same field."""
    both = "\n  ".join(text % "{X-Tenant: tenant, X-User-Email: email}" for text in VERIFIERS.values())

    settings = load_text(AUTH % both)

    assert settings.auth is not None
    assert settings.auth.jwt["default"].claim_headers == {"X-Tenant": "tenant", "X-User-Email": "email"}


@pytest.mark.parametrize(
    ("header", "why"),
    [
        *((name, ELSE) for name in ("Authorization", "Cookie", "Host", "Content_Length", "Connection", "X-Request-ID")),
        ("x_user_id", "`auth.identity_fields` has it"),
        ("X-Key", "it is where credentials are shown"),
    ],
)
def test_the_certificate_has_a_field_of_its_own(complaints: Complaints, header: str, why: str) -> None:
    """A client could send it otherwise, or a backend take it for something else."""
    (line,) = complaints(AUTH % f"mtls: {{client_cert_header: {header}}}")

    said = "expected a field of its own, such as `Client-Cert`"
    assert line.endswith(f': auth.mtls.client_cert_header: {said}, found "{header}": {why}')


@pytest.mark.parametrize("header", ["X-Certificate", "x_certificate", "Client-Cert", "Client_Cert_Chain"])
def test_a_claim_is_not_told_as_a_certificate(complaints: Complaints, header: str) -> None:
    """Nor in the fields of RFC 9440 where another is configured."""
    (line,) = complaints(
        AUTH % f"mtls: {{client_cert_header: X-Certificate}}\n  {VERIFIERS['jwt'] % f'{{{header}: x}}'}"
    )

    assert line.endswith(f'found "{header}": it tells of the client\'s certificate')
