"""What a route does to answers for browsers: CORS and security headers."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import Field, model_validator

from gateway.config.patterns import header_name, header_value, text
from gateway.config.problems import Unexpected
from gateway.config.schema.base import Section, expected
from gateway.config.schema.types import Duration, Flag, HeaderName, Method, PageOrigin, Parsed, Size


def _media_type(value: object) -> str:
    written = text(value).lower()
    if not re.fullmatch(r"[a-z0-9!#$&^_.+-]+/(\*(\+[a-z0-9._-]+)?|[a-z0-9!#$&^_.+-]+)", written):
        raise Unexpected("a media type such as text/html, text/* or application/*+json")
    return written


MediaType = Annotated[str, Parsed(_media_type, {"type": "string"}, "media type")]

COMPRESSED = (
    "text/*",
    "application/json",
    "application/*+json",
    "application/javascript",
    "application/xml",
    "application/*+xml",
    "application/wasm",
    "image/svg+xml",
    "font/ttf",
)
"""Types whose contents become much shorter; images, films, fonts for the web and archives are compressed already."""


class Compression(Section):
    """Which answers are compressed for clients that accept it."""

    algorithms: tuple[Literal["zstd", "br", "gzip"], ...] = Field(
        default=("zstd", "br", "gzip"),
        description="The preferred one first; what the client prefers comes before.",
        min_length=1,
    )
    min_size: Size = Field(default=1024, description="Shorter answers stay as they are.")
    types: tuple[MediaType, ...] = Field(
        default=COMPRESSED, description="Media types of the answers; also `text/*`, `application/*+json`.", min_length=1
    )


class Cors(Section):
    """Which pages of other origins may call."""

    allowed_origins: tuple[PageOrigin, ...] = Field(
        default=(),
        description="`https://app.example.com`, `https://*.example.com` for subdomains, `null`, `*` for all.",
    )
    allowed_methods: tuple[Method, ...] = Field(
        default=("GET", "HEAD", "POST"),
        description="Methods they may use, of those that the route takes; `*` for all of these.",
    )
    allowed_headers: tuple[HeaderName, ...] = Field(
        default=(), description="Request fields they may send, beside those that need no leave; `*` for all."
    )
    exposed_headers: tuple[HeaderName, ...] = Field(
        default=(), description="Response fields they may read, beside those that need no leave; `*` for all."
    )
    allow_credentials: Flag = Field(default=False, description="Whether cookies and credentials may go along.")
    max_age: Duration = Field(default=600.0, description="How long a browser may keep the answer to a preflight.")
    allow_private_network: Flag = Field(
        default=False, description="Whether pages of public sites may call a gateway in a private network."
    )
    dry_run: Flag = Field(
        default=False,
        description="Count, log and tell what pages would be kept from, and do nothing else.",
    )

    @model_validator(mode="after")
    def _whose_credentials(self) -> Cors:
        if self.allow_credentials and "*" in self.allowed_origins:
            raise expected("the origins by name where `allow_credentials` is true", "`*` in `allowed_origins`")
        if self.allow_credentials and "*" in self.exposed_headers:
            # With credentials, browsers read `*` as the name of a field (the Fetch standard).
            raise expected("the fields by name where `allow_credentials` is true", "`*` in `exposed_headers`")
        return self


def _security_headers(value: object) -> bool | dict[str, str | None]:
    if isinstance(value, bool):
        return value
    if not isinstance(value, dict):
        raise Unexpected("true, false or a mapping of header fields")
    return dict(_security_header(name, content) for name, content in value.items())


def _security_header(name: object, content: object) -> tuple[str, str | None]:
    try:
        written = header_name(name)
    except Unexpected as error:
        raise Unexpected(error.expected, f'"{name}"') from None
    try:
        return written, None if content is None or content is False else header_value(content)
    except Unexpected as error:
        raise Unexpected(error.expected, f"another one for `{written}`") from None


_SECURITY_SCHEMA = {"anyOf": [{"type": "boolean"}, {"type": "object"}]}

SecurityHeaders = Annotated[
    bool | dict[str, str | None], Parsed(_security_headers, _SECURITY_SCHEMA, "true, false or mapping")
]
