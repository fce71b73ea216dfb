"""Other authorities that are asked who is calling: token introspection and forward authentication.

Tests: `tests/config/schema/test_tokens.py::test_what_an_authority_must_say_is_written_alike`.
"""

from __future__ import annotations

from pydantic import Field

from gateway.config.schema.base import Section, or_one
from gateway.config.schema.tokens import ClaimHeaders, Required, TokenSection, or_one_each
from gateway.config.schema.types import URL, Claim, File, HeaderName, Secret, SomeText, Timeout


class Introspection(TokenSection):
    """An authority that knows which tokens are good (RFC 7662)."""

    secret_keys = frozenset({"client_secret"})

    url: URL = Field(description="Its introspection endpoint.")
    client_id: SomeText | None = Field(default=None, description="Who we are there; absent: we do not say.")
    client_secret: Secret | None = Field(default=None, description="What we show for that.")
    timeout: Timeout = Field(default=2.0, description="For its answer; past it callers get a 503.")
    ca: File | None = Field(default=None, description="PEM file with whom to trust; absent: the system's authorities.")
    issuer: tuple[SomeText, ...] = Field(
        default=(), description="What `iss` must be, one of these.", json_schema_extra=or_one
    )
    audience: tuple[SomeText, ...] = Field(
        default=(), description="Of which `aud` must have one.", json_schema_extra=or_one
    )
    require: Required = Field(
        default={}, description="Values that members must have, as for `auth.jwt`.", json_schema_extra=or_one_each
    )
    user_claim: Claim = Field(default="sub", description="The member with the user; else `username`, `client_id`.")
    roles_claim: Claim = Field(default="roles", description="The member with the roles.")
    scopes_claim: Claim = Field(default="scope", description="The member with the scopes.")
    claim_headers: ClaimHeaders = Field(
        default={}, description="Fields that tell a backend further members, as for `auth.jwt`."
    )


class ForwardAuth(Section):
    """An authority that is shown each request's head and says yes, with fields for the backend, or its own no."""

    url: URL = Field(description="Asked by GET, with X-Forwarded-Method, -Proto, -Host, -Uri and -For.")
    timeout: Timeout = Field(default=2.0, description="For its answer; past it callers get a 503.")
    ca: File | None = Field(default=None, description="PEM file with whom to trust; absent: the system's authorities.")
    request_headers: tuple[HeaderName, ...] = Field(
        default=("Authorization", "Cookie"), description="Fields of the request that it is shown; `*` for all."
    )
    response_headers: tuple[HeaderName, ...] = Field(
        default=(), description="Fields of its yes that the backend gets; what clients send under these is dropped."
    )
    client_headers: tuple[HeaderName, ...] = Field(
        default=("Location", "Set-Cookie", "WWW-Authenticate", "Content-Type", "Cache-Control"),
        description="Fields of its no that the client gets.",
    )
    user_header: HeaderName = Field(default="Remote-User", description="The field of its yes with the user.")
    roles_header: HeaderName = Field(
        default="Remote-Groups", description="The field of its yes with the roles, separated by commas."
    )
