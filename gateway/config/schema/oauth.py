"""The token endpoint: who gets tokens, and how they are signed."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import Field, SecretStr, model_validator

from gateway.config import patterns
from gateway.config.problems import Unexpected
from gateway.config.schema.base import Section, expected
from gateway.config.schema.limiting import RateLimit
from gateway.config.schema.types import File, Flag, Name, Parsed, Secret, SomeText, Timeout
from gateway.config.secret_hashes import HashUnreadable, check_readable


def _secret_hash(value: object) -> SecretStr:
    written = patterns.text(value)
    try:
        check_readable(written)
    except HashUnreadable as error:
        raise Unexpected(f"a hash of Argon2, scrypt or bcrypt ({error})") from None
    return SecretStr(written)


SecretHash: TypeAlias = Annotated[
    SecretStr, Parsed(_secret_hash, {"type": "string"}, "secret", str, SecretStr.get_secret_value)
]


class OAuthClient(Section):
    """A client of the token endpoint."""

    secret_keys = frozenset({"secret_hash"})

    id: Name = Field(description="Its client_id.")
    secret_hash: SecretHash = Field(
        description="Hash of its client_secret: `gateway hash-secret` makes one; Argon2, scrypt or bcrypt."
    )
    scopes: tuple[SomeText, ...] = Field(default=(), description="Scopes it may ask for.")
    roles: tuple[SomeText, ...] = Field(default=(), description="Roles its tokens carry.")
    refresh_tokens: Flag = Field(
        default=False,
        description="Whether it gets refresh tokens, each good for one use; a second one ends all that follow from it.",
    )


class TokenRateLimit(RateLimit):
    """A rate limit on attempts at secrets: a sliding window, so that no stretch of time has more than it says."""

    algorithm: Literal["token_bucket", "sliding_window"] = Field(
        default="sliding_window", description="How requests are counted."
    )

    @model_validator(mode="after")
    def _is_for_everybody(self) -> TokenRateLimit:
        """Who guesses has shown nothing yet by which it could be told from others; an exception would be a way in."""
        for key, name in (("tiers", "tiers"), ("except_", "except"), ("dry_run", "dry_run")):
            if getattr(self, key):
                raise expected(f"no `{name}` in a limit on guesses at secrets", f"`{name}`")
        if self.scope != ("ip",):
            raise expected("no `scope`: guesses are counted by address, and by whom they are at", "one")
        return self


class OAuth(Section):
    """The token endpoint, POST /oauth/token."""

    secret_keys = frozenset({"secret"})

    issuer: SomeText | None = Field(
        default=None,
        description="`iss` of its tokens; with a URL, the metadata document is published (RFC 8414). Absent: what the "
        "verifier `default` asks for, where its secret signs.",
    )
    audience: SomeText | None = Field(default=None, description="`aud` of its tokens; absent: likewise.")
    expires_in: Timeout = Field(default=3600.0, description="Life of a token.")
    signing_key_file: File | None = Field(
        default=None,
        description="PEM file with the private key that signs: RSA for RS256, P-256 for ES256. Without it and without "
        "`secret`, the secret of the verifier `default` signs, where that takes HS256; else a key of this process.",
    )
    previous_key_files: tuple[File, ...] = Field(
        default=(), description="Keys that signed before: still published, and their tokens still taken."
    )
    secret: Secret | None = Field(default=None, description="Signs with HS256 in place of a key.")
    refresh_expires_in: Timeout = Field(default=30 * 86400.0, description="Life of a refresh token.")
    refresh_store: Literal["memory", "redis"] = Field(default="memory", description="Where refresh tokens are kept.")
    rate_limit: TokenRateLimit = Field(
        default=TokenRateLimit(limit=10),
        description="For each client that shows its secret, for attempts at one client from one address, and for the "
        "attempts that fail from one address.",
    )
    clients: tuple[OAuthClient, ...] = Field(default=(), description="Who gets tokens.")

    @model_validator(mode="after")
    def _signs_one_way(self) -> OAuth:
        if self.secret is not None and (self.signing_key_file or self.previous_key_files):
            raise expected("one of `secret` and `signing_key_file`", "both")
        if self.secret is not None and not self.secret.get_secret_value():
            raise expected("a `secret`", "an empty one")
        return self
