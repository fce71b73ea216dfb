"""What a route keeps of its answers, and where all of them are kept."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from gateway.config.patterns import text
from gateway.config.problems import Unexpected
from gateway.config.schema.base import Section
from gateway.config.schema.types import Duration, Flag, HeaderName, Parsed, Size


def _query(value: object) -> str | tuple[str, ...]:
    if isinstance(value, (list, tuple)) and value:
        return tuple(text(one) for one in value)
    if value in ("all", "none"):
        return str(value)
    raise Unexpected("`all`, `none`, or a list of names of parameters")


_QUERY = {
    "anyOf": [
        {"enum": ["all", "none"]},
        {"type": "array", "items": {"type": ["string", "number", "boolean"]}, "minItems": 1},
    ]
}


class Cache(Section):
    """A shared cache after RFC 9111 in front of a route."""

    methods: tuple[Literal["GET", "HEAD"], ...] = Field(
        default=("GET", "HEAD"), description="Requests that are answered from it.", min_length=1
    )
    ttl: Duration = Field(
        default=0.0, description="For answers that say nothing about freshness; 0: they are not kept."
    )
    override_ttl: Duration | None = Field(
        default=None,
        description="In place of what the backend says about freshness; `no-store` and `private` still count.",
    )
    max_entry: Size = Field(default=2**20, description="Longest content of an answer that is kept.")
    vary: tuple[HeaderName, ...] = Field(
        default=(), description="Request fields that are part of the key, beside what `Vary` says."
    )
    query: Annotated[str | tuple[str, ...], Parsed(_query, _QUERY, "`all`, `none` or names")] = Field(
        default="all", description="Parameters that are part of the key: `all`, `none`, or names. Others are not sent."
    )
    stale_while_revalidate: Duration = Field(
        default=0.0, description="How long a stale answer is given while a new one is fetched, where it does not say."
    )
    stale_if_error: Duration = Field(
        default=0.0,
        description="How long a stale answer is given in place of an error, also while a breaker is open, where it "
        "does not say.",
    )
    coalesce: Flag = Field(default=True, description="One fetch for many that wait for the same answer.")
    tags: HeaderName = Field(
        default="Surrogate-Key", description="Field of answers with tags to purge by; it is taken out."
    )
    status: Flag = Field(default=True, description="Whether answers say what the cache did: Cache-Status (RFC 9211).")


class CacheMemory(Section):
    """The cache in memory."""

    size: Size = Field(default=64 * 2**20, description="Octets that it holds; what was not asked for longest goes.")
