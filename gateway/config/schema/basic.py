"""Names and passwords of people: HTTP Basic authentication (RFC 7617)."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from gateway.config.schema.base import Section
from gateway.config.schema.oauth import TokenRateLimit
from gateway.config.schema.types import File, form


class Basic(Section):
    """Users and the hashes of their passwords, in a file as `htpasswd -B` makes it."""

    users_file: File = Field(
        description="A line for each user, `NAME:HASH`: bcrypt, Argon2 or scrypt. "
        "`gateway hash-secret --user NAME` makes one."
    )
    realm: Annotated[str, form(r"[ !#-\[\]-~]{1,128}", "printable ASCII without quotes and backslashes")] = Field(
        default="api", description="What browsers show when they ask for the password, and remember it by."
    )
    rate_limit: TokenRateLimit = Field(
        default=TokenRateLimit(limit=10),
        description="For attempts at one user from one address, and for those that fail from one address; a right "
        "password passes all the same.",
    )
