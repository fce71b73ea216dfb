"""What a route does to answers for browsers: CORS and security headers."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from gateway.config.patterns import header_name, header_value
from gateway.config.problems import Unexpected
from gateway.config.schema.base import Section
from gateway.config.schema.types import Duration, Flag, HeaderName, Method, Parsed, SomeText


class Cors(Section):
    """Which pages of other origins may call."""

    allowed_origins: tuple[SomeText, ...] = Field(
        default=(), description="Origins, `*` for all, `https://*.example.com`."
    )
    allowed_methods: tuple[Method, ...] = Field(default=("GET", "HEAD", "POST"), description="Methods they may use.")
    allowed_headers: tuple[HeaderName, ...] = Field(default=(), description="Request fields they may send.")
    exposed_headers: tuple[HeaderName, ...] = Field(default=(), description="Response fields they may read.")
    allow_credentials: Flag = Field(default=False, description="Whether cookies and credentials may go along.")
    max_age: Duration = Field(default=600.0, description="How long a browser may keep the answer to a preflight.")


def _security_headers(value: object) -> bool | dict[str, str | None]:
    if isinstance(value, bool):
        return value
    if not isinstance(value, dict):
        raise Unexpected("true, false or a mapping of header fields")
    return {
        header_name(name): None if content is None or content is False else header_value(content)
        for name, content in value.items()
    }


_SECURITY_SCHEMA = {"anyOf": [{"type": "boolean"}, {"type": "object"}]}

SecurityHeaders = Annotated[
    bool | dict[str, str | None], Parsed(_security_headers, _SECURITY_SCHEMA, "true, false or mapping")
]
