"""Who may call: verifiers, keys, the token endpoint, and what a route asks for."""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

from pydantic import Field, model_validator

from gateway.config.schema.authorities import ForwardAuth, Introspection
from gateway.config.schema.base import Section, Varied, expected, one_or_many, or_one
from gateway.config.schema.basic import Basic
from gateway.config.schema.mtls import Mtls
from gateway.config.schema.oauth import OAuth
from gateway.config.schema.tokens import JwtVerifier
from gateway.config.schema.types import (
    Count,
    Duration,
    FileName,
    Flag,
    HeaderName,
    Moment,
    Name,
    Secret,
    SecretScalar,
    SomeText,
    form,
)


class ApiKey(Section):
    """One key of the memory store."""

    secret_keys = frozenset({"hash", "key"})

    id: Name = Field(description="What logs call it.")
    hash: Annotated[str, form("sha256:[0-9a-fA-F]{64}", "sha256: and 64 hexadecimal digits")] | None = Field(
        default=None, description="sha256:HEX of the key."
    )
    key: Secret | None = Field(default=None, description="The key itself; warned about, for trying things out.")
    user: SomeText | None = Field(default=None, description="Who it stands for; absent: its id.")
    roles: tuple[SomeText, ...] = Field(default=(), description="Roles it has.")
    scopes: tuple[SomeText, ...] = Field(default=(), description="Scopes it has.")
    expires: Moment | None = Field(default=None, description="When it ends, e.g. 2027-01-31 or 2027-01-31T12:00:00Z.")

    @model_validator(mode="after")
    def _has_one_key(self) -> ApiKey:
        if (self.hash is None) == (self.key is None):
            raise expected("one of `hash` and `key`", "both" if self.key else "neither")
        return self


class ApiKeys(Varied):
    """API keys: where they are kept and where a request shows one."""

    secret_keys = frozenset({"connect", "pepper"})
    nullable = frozenset({"query"})

    store: Literal["memory", "redis", "sql"] = Field(default="memory", description="Where they are kept.")
    header: HeaderName = Field(default="X-API-Key", description="The field a request shows it in.")
    scheme: Annotated[str, form(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", "a scheme such as `Bearer`")] | None = Field(
        default=None,
        description="What stands before a key in the field: `Bearer` for `Authorization: Bearer KEY`. Absent: nothing.",
    )
    query: SomeText | None = Field(
        default="api_key", description="The parameter accepted too, never logged, never forwarded; null turns it off."
    )
    keys: tuple[ApiKey, ...] = Field(default=(), description="The keys of the memory store.")
    database: Annotated[str, FileName(read=False)] = Field(
        default="api-keys.sqlite3", validate_default=True, description="SQLite file of the sql store."
    )
    driver: Annotated[str, form(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*", "the name of a Python module")] = Field(
        default="sqlite3",
        description="DB-API 2.0 module of the sql store. Tested is `sqlite3`; others may do, and are yours to try.",
    )
    connect: dict[Name, SecretScalar] = Field(
        default={},
        description="What the driver connects with, where it is not sqlite3: "
        "`{host: db, dbname: gateway, user: gateway, password: …, connect_timeout: 1}`.",
    )
    prefix: Name = Field(default="gateway", description="What names begin with in the redis store.")
    pepper: Secret | None = Field(
        default=None, description="A secret that goes into the hashes of the redis and sql stores, and is in neither."
    )

    @property
    def as_bearer(self) -> bool:
        """Whether keys are shown where bearer tokens are."""
        return self.header.lower() == "authorization" and (self.scheme or "").lower() == "bearer"

    def foreign(self) -> tuple[str, ...]:
        """Return the key of other drivers."""
        return () if self.driver == "sqlite3" else ("database",)

    @model_validator(mode="after")
    def _connects_one_way(self) -> ApiKeys:
        if self.driver == "sqlite3" and self.connect:
            raise expected("a `database` for sqlite3", "`connect`")
        named = "database" in self.model_fields_set
        if self.driver != "sqlite3" and (named or not self.connect):
            raise expected(f"`connect` for {self.driver}", "`database`" if named else "none")
        return self


class AuthCache(Section):
    """Results of verifications that are kept."""

    ttl: Duration = Field(default=60.0, description="For how long; never past the credential's own end.")
    max_entries: Count = Field(default=10_000, description="How many.")
    negative_ttl: Duration = Field(default=5.0, description="For how long a refusal is kept.")


class IdentityFields(Section):
    """Fields that tell a backend who is calling; what clients send under these names, in any spelling, is dropped."""

    user: HeaderName = Field(default="X-User-ID", description="The user.")
    roles: HeaderName = Field(default="X-User-Roles", description="The roles, separated by commas.")
    scopes: HeaderName = Field(default="X-User-Scopes", description="The scopes, separated by commas.")


class Auth(Section):
    """Everything that routes may ask of a caller."""

    jwt: dict[Name, JwtVerifier] = Field(
        default={}, description="Verifiers by name; a route names one, or takes `default`."
    )
    api_keys: ApiKeys | None = Field(default=None, description="API keys.")
    basic: Basic | None = Field(default=None, description="Names and passwords of people.")
    mtls: Mtls | None = Field(default=None, description="Client certificates.")
    cache: AuthCache = Field(default=AuthCache.unwritten(), description="Results of verifications.")
    identity_fields: IdentityFields = Field(
        default=IdentityFields.unwritten(),
        description="Names of the fields that tell a backend who is calling; values are percent-encoded.",
    )
    tunnels: Literal["until_revoked", "until_expiry"] = Field(
        default="until_revoked",
        description="How long a WebSocket, or another tunnel, lasts: until what opened it is revoked, or until that "
        "ends as well. A WebSocket is closed with 1008.",
    )
    oauth: OAuth | None = Field(default=None, description="The token endpoint.")
    introspection: dict[Name, Introspection] = Field(
        default={}, description="Authorities that know which tokens are good, by name."
    )
    forward: dict[Name, ForwardAuth] = Field(
        default={}, description="Authorities that are shown requests and say yes or no, by name."
    )


def _or_names(schema: dict[str, Any]) -> None:
    schema["items"] = {"anyOf": [{"enum": list(get_args(Way))}, schema["items"]]}


Way = Literal["jwt", "api_key", "introspection", "forward", "mtls", "basic"]


class AuthMethod(Section):
    """One way of showing who is calling."""

    type: Way = Field(description="What is shown.")
    verifier: tuple[Name, ...] = Field(
        default=("default",),
        description="For `jwt`: which of `auth.jwt`; of several the one whose `issuer` the token names. "
        "For `introspection` and `forward`: which of `auth.introspection`, `auth.forward`.",
        min_length=1,
        json_schema_extra=or_one,
    )
    issuer: tuple[SomeText, ...] = Field(
        default=(), description="For `jwt`: what `iss` must be here, one of these.", json_schema_extra=or_one
    )
    audience: tuple[SomeText, ...] = Field(
        default=(), description="For `jwt`: of which `aud` must have one here.", json_schema_extra=or_one
    )

    @classmethod
    def reshape(cls, data: dict[str, Any]) -> dict[str, Any]:
        return one_or_many(data, "audience", "issuer", "verifier")


class RouteAuth(Section):
    """What a route asks of its callers."""

    type: Way | Literal["none"] | None = Field(default=None, description="The one way; or say `any_of` or `all_of`.")
    any_of: tuple[AuthMethod, ...] = Field(
        default=(),
        description="Ways of which one is enough, tried in order: `[jwt, api_key]`.",
        json_schema_extra=_or_names,
    )
    all_of: tuple[AuthMethod, ...] = Field(
        default=(), description="Ways that are all needed.", json_schema_extra=_or_names
    )
    verifier: tuple[Name, ...] = Field(
        default=("default",),
        description="As in `any_of`, for the one way.",
        min_length=1,
        json_schema_extra=or_one,
    )
    issuer: tuple[SomeText, ...] = Field(
        default=(), description="For `jwt`: what `iss` must be here, one of these.", json_schema_extra=or_one
    )
    audience: tuple[SomeText, ...] = Field(
        default=(), description="For `jwt`: of which `aud` must have one here.", json_schema_extra=or_one
    )
    scopes: tuple[SomeText, ...] = Field(default=(), description="Scopes that the caller must have, all of them.")
    roles: tuple[SomeText, ...] = Field(default=(), description="Roles of which the caller must have one.")
    forward_credentials: Flag = Field(
        default=False,
        description="Whether the backend sees the credential too. With `type: none`: whether it sees the tokens in the "
        "places of `from`, which are taken out otherwise.",
    )
    dry_run: Flag = Field(
        default=False,
        description="Count, log and tell whom it would refuse, and let them pass as nobody; the backend gets "
        "credentials as if nobody asked for them.",
    )

    @classmethod
    def reshape(cls, data: dict[str, Any]) -> dict[str, Any]:
        """Take `type: {any_of: […]}` and names in place of ways."""
        nested = data.get("type")
        if isinstance(nested, dict) and len(nested) == 1 and set(nested) <= {"any_of", "all_of"}:
            data = {**{key: value for key, value in data.items() if key != "type"}, **nested}
        for key in ("any_of", "all_of"):
            if isinstance(data.get(key), list):
                data[key] = [{"type": way} if isinstance(way, str) else way for way in data[key]]
        return one_or_many(data, "audience", "issuer", "verifier")

    @model_validator(mode="after")
    def _says_one_thing(self) -> RouteAuth:
        said = [self.type is not None, bool(self.any_of), bool(self.all_of)]
        if sum(said) != 1:
            raise expected("one of `type`, `any_of` and `all_of`", "several" if any(said) else "none")
        return self

    @property
    def ways(self) -> tuple[AuthMethod, ...]:
        """The ways, in order; a key beside `any_of` or `all_of` is for each of its ways that has none of its own."""
        if self.type == "none":
            return ()
        if self.type is not None:
            return (AuthMethod(type=self.type, verifier=self.verifier, issuer=self.issuer, audience=self.audience),)
        here = {"verifier": self.verifier, "issuer": self.issuer, "audience": self.audience}
        return tuple(
            way.model_copy(update={key: value for key, value in here.items() if key not in way.model_fields_set})
            for way in self.any_of or self.all_of
        )
