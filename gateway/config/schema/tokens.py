"""What a token must say: the verifiers of `auth.jwt`, and what they have in common with token introspection."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from gateway.config.schema.base import Section, expected, one_or_many, or_one
from gateway.config.schema.types import (
    URL,
    Claim,
    ClaimValue,
    Duration,
    File,
    HeaderName,
    Origin,
    Secret,
    Size,
    SomeText,
    Timeout,
    TokenPlace,
)
from gateway.http.fields import folded

Required = dict[SomeText, Annotated[tuple[ClaimValue, ...], Field(min_length=1)]]
"""Claims, each with the values of which it must have one."""

ClaimHeaders = dict[HeaderName, Claim]
"""Fields for the backend, each with the claim that it has."""


def with_lists(data: dict[str, Any], key: str) -> dict[str, Any]:
    """Make lists of the members of a mapping that are written as their only members."""
    if isinstance(data.get(key), dict):
        return {**data, key: one_or_many(data[key], *data[key])}
    return data


def or_one_each(schema: dict[str, Any]) -> None:
    """Tell editors that each list in a mapping may also be written as its only member."""
    or_one(schema["additionalProperties"])


Algorithm = Literal[
    "HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"
]


AUTHORIZATION = "header:Authorization"


class TokenSection(Section):
    """Rules for tokens that both verifiers and authorities of introspection have."""

    places: tuple[TokenPlace, ...] = Field(
        alias="from",
        default=(AUTHORIZATION,),
        description="Where requests show tokens: `header:NAME`, `cookie:NAME`, `query:NAME`, in this order; the first "
        "that holds one decides. `Bearer` stands before it in `Authorization`, and may elsewhere. Places other "
        "than `Authorization` are never logged, and reach no backend on any route but with `forward_credentials`.",
        min_length=1,
        json_schema_extra=or_one,
    )
    origins: tuple[Origin, ...] = Field(
        default=(),
        description="Pages that may use a token in a cookie for requests that change something and for WebSockets, "
        "beside those of the very origin that the request is for: `https://app.example.com`, `https://*.example.com`.",
        json_schema_extra=or_one,
    )

    @property
    def in_authorization_only(self) -> bool:
        """Whether tokens are in `Authorization` and nowhere else."""
        return [place.lower() for place in self.places] == [AUTHORIZATION.lower()]

    @classmethod
    def reshape(cls, data: dict[str, Any]) -> dict[str, Any]:
        return one_or_many(with_lists(data, "require"), "audience", "from", "issuer", "origins")

    @model_validator(mode="after")
    def _names_each_place_once(self) -> TokenSection:
        seen = set()
        for place in self.places:
            kind, _, name = place.partition(":")
            normal = (kind, folded(name.lower().encode()) if kind == "header" else name)
            if normal in seen:
                raise expected("each place once in `from`", f'"{place}" twice')
            seen.add(normal)
        return self


class JwtVerifier(TokenSection):
    """Checks JSON Web Tokens."""

    secret_keys = frozenset({"secret"})

    algorithms: tuple[Algorithm, ...] = Field(
        default=("RS256",), description="Accepted signatures; `none` never is.", min_length=1
    )
    secret: Secret | None = Field(default=None, description="For HS*.")
    public_key_file: File | None = Field(default=None, description="PEM file, for the other algorithms.")
    jwks_url: URL | None = Field(
        default=None,
        description="Where keys are published, for the other algorithms; with neither this nor a file, where the "
        "metadata of `issuer` say (OpenID Connect Discovery).",
    )
    jwks_ca: File | None = Field(
        default=None, description="PEM file with whom to trust there; absent: the system's authorities."
    )
    jwks_timeout: Timeout = Field(default=5.0, description="For the issuer's answer.")
    jwks_refresh: Timeout = Field(default=300.0, description="When keys grow old whose answer says no `max-age`.")
    jwks_cooldown: Duration = Field(
        default=30.0,
        description="Least time between two questions for keys that are not there; each new set of keys allows for one "
        "more.",
    )
    issuer: tuple[SomeText, ...] = Field(
        default=(),
        description="What `iss` must be, one of these. Each publishes keys for its own tokens, where neither "
        "`jwks_url` nor a file says which keys sign for all.",
        json_schema_extra=or_one,
    )
    audience: tuple[SomeText, ...] = Field(
        default=(), description="Of which `aud` must have one; a text or a list.", json_schema_extra=or_one
    )
    leeway: Duration = Field(default=30.0, description="Clock skew allowed for.")
    required_claims: tuple[Claim, ...] = Field(
        default=("exp",), description="Claims that must be there, each a name, a dotted path or a list of names."
    )
    require: Required = Field(
        default={},
        description="Values that claims must have, by the name of the claim or a dotted path: `{azp: [web]}`. One of "
        "the list; a claim that is a list must have one of them. A token without the claim is refused.",
        json_schema_extra=or_one_each,
    )
    max_token_size: Size = Field(default=16 * 1024, description="Octets of a token; longer ones are not looked at.")
    user_claim: Claim = Field(default="sub", description="The claim with the user, or a path to it: `act.sub`.")
    roles_claim: Claim = Field(
        default="roles",
        description="The claim with the roles, or a path to it: `realm_access.roles`, or name by name: "
        '`[resource_access, "api.example.com", roles]`.',
    )
    scopes_claim: Claim = Field(
        default="scope", description="The claim with the scopes: space-separated text or a list."
    )
    claim_headers: ClaimHeaders = Field(
        default={},
        description="Fields that tell a backend further claims: `{X-Tenant: tenant}`, or a path as above. "
        "Percent-encoded as `identity_fields` are: the items of a list are separated by commas, objects are JSON. No "
        "field where the token has no such claim; what clients send under these names is dropped on every route.",
    )

    @model_validator(mode="after")
    def _has_keys(self) -> JwtVerifier:
        symmetric = {algorithm.startswith("HS") for algorithm in self.algorithms}
        if True in symmetric:
            self._check_secret()
        if self.public_key_file is not None and self.jwks_url is not None:
            raise expected("one of `public_key_file` and `jwks_url`", "both")
        published = self.jwks_url or (self.issuer and all(map(_is_url, self.issuer)))
        if False in symmetric and self.public_key_file is None and not published:
            raise expected(f"`public_key_file` or `jwks_url` for {self.algorithms[0]}", "neither")
        return self

    def _check_secret(self) -> None:
        if self.secret is None:
            raise expected("a `secret` for HS algorithms", "none")
        secret = self.secret.get_secret_value()
        if secret.lstrip().startswith(("-----BEGIN", "ssh-", "ecdsa-", "{")):
            # A public key is no secret: everybody who has it, and that is anybody, could sign tokens with it.
            raise expected("a `secret` for HS algorithms", "a key of another kind")
        if not secret:
            raise expected("a `secret` for HS algorithms", "an empty one")


def _is_url(issuer: str) -> bool:
    return issuer.startswith(("https://", "http://"))
