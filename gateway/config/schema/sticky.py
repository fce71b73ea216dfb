"""`sticky` of an upstream: a cookie that keeps a client at its backend."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from gateway.config.schema.base import Section, expected
from gateway.config.schema.types import Duration, Flag, Secret, form

_NEED_TLS = ("__host-", "__secure-")
"""Browsers take cookies whose names begin so over TLS only, and with `Secure` only (RFC 6265bis section 4.1.3)."""


class Sticky(Section):
    """The cookie by which clients stay at their backends."""

    secret_keys = frozenset({"secret"})

    cookie: Annotated[str, form(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}", "the name of a cookie, such as `gw_backend`")] = (
        Field(default="gw_backend", description="Its name. No backend sees it.")
    )
    ttl: Duration = Field(
        default=0.0,
        description="How long it lasts after the client's last request or up to half of that before (`Max-Age`); "
        "0: until the browser is closed.",
    )
    secure: Flag = Field(default=True, description="Whether browsers send it over TLS only.")
    same_site: Literal["lax", "strict", "none"] = Field(
        default="lax", description="Whether requests from pages of other sites bring it; `none`: all of them do."
    )
    secret: Secret | None = Field(
        default=None,
        description="Goes into the value, the same at all instances, so that nobody can tell from it, or choose, which "
        "backend it means. Absent: whoever guesses a backend's URL can.",
    )

    @model_validator(mode="after")
    def _check(self) -> Sticky:
        if self.secret is not None and not self.secret.get_secret_value():
            raise expected("a `secret` that is not empty", "an empty one")
        if self.secure:
            return self
        if self.same_site == "none":
            raise expected("`secure: true` with `same_site: none`: browsers refuse the cookie without", "false")
        if self.cookie.lower().startswith(_NEED_TLS):
            raise expected(f"`secure: true` with a cookie named {self.cookie}: browsers refuse it without", "false")
        return self
