"""Rate limits, in all the ways that they may be written (C-05)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import ConfigDict, Field, model_validator

from gateway.config.schema.base import Section, expected, or_one
from gateway.config.schema.types import CLAIM_NAME, Count, Flag, Network, PathPattern, Positive, Timeout, form, integer

Scope = Annotated[
    str,
    form(
        rf"ip|user|api_key|route|header:[!#$%&'*+.^_`|~0-9A-Za-z-]+|claim:{CLAIM_NAME}",
        "`ip`, `user`, `api_key`, `route`, `header:NAME` or `claim:NAME`",
    ),
]

TierCondition = Annotated[
    str,
    form(
        rf"(claim\.{CLAIM_NAME}|header\.[!#$%&'*+.^_`|~0-9A-Za-z-]+|key|api_key|user|role|scope)=[^\x00-\x1f\x7f]+",
        "`claim.NAME=VALUE`, `key=ID`, `user=NAME`, `role=NAME`, `scope=NAME` or `header.NAME=VALUE`",
    ),
]

Lease = Annotated[int, integer(1, 100_000)]

_RATE = re.compile(r"([0-9]{1,9})/([0-9]*)(ms|s|m|h|d|sec|second|min|minute|hour|day)")


def _or_rate(schema: dict[str, Any]) -> None:
    schema["properties"]["rate"] = {"type": "string", "description": "`10/s` or `10/min`, for `limit` and `window`."}
    schema.pop("required", None)


class RateLimit(Section):
    """So many requests in so much time, for each of something."""

    model_config = ConfigDict(json_schema_extra=_or_rate)
    other_names: ClassVar[Mapping[str, str]] = {"requests": "limit", "dimension": "scope", "key": "scope"}

    limit: Positive = Field(description="Requests in a window.")
    window: Timeout = Field(default=60.0, description="The time they are counted in.")
    burst: Positive | None = Field(default=None, description="Most at once, for `token_bucket`; absent: `limit`.")
    scope: tuple[Scope, ...] = Field(
        default=("ip",),
        description="What each has a count of its own; several make one combined key.",
        min_length=1,
        json_schema_extra=or_one,
    )
    algorithm: Literal["token_bucket", "sliding_window"] = Field(
        default="token_bucket",
        description="How requests are counted. `rate_limits` that have `endpoint` or `scope` are a `sliding_window`.",
    )
    lease: Lease = Field(
        default=1,
        description="Requests that an instance takes from Redis at once, for keys that are busy. Counts where every "
        "limit that is looked at together has more than 1.",
    )
    tiers: dict[TierCondition, Count] = Field(
        default={},
        description='Other limits for some callers: `{"claim.plan=pro": 1000, "key=acme": 0}`, 0 for none. By '
        "`claim.NAME`, `key` (id of an API key), `user`, `role`, `scope` or `header.NAME`; the first that is met "
        "counts. Each tier has counts of its own, and as much more `burst` as its limit is higher.",
    )
    except_: tuple[Network, ...] = Field(
        default=(), alias="except", description="Addresses of clients that have no limit, and get no fields of it."
    )

    dry_run: Flag = Field(default=False, description="Count, log and tell what it would refuse, and refuse nobody.")

    @classmethod
    def reshape(cls, data: dict[str, Any]) -> dict[str, Any]:
        """Take `rate: 10/s` and a single scope."""
        rate = data.get("rate")
        if isinstance(rate, str) and (match := _RATE.fullmatch(rate)) and not {"limit", "window"} & set(data):
            data = {key: value for key, value in data.items() if key != "rate"}
            unit = match[3] if match[3] == "ms" else match[3][0]
            data.update(limit=int(match[1]), window=f"{match[2] or 1}{unit}")
        elif rate is not None:
            raise expected("`rate` as 10/s, 100/m or 5/10s, without `limit` and `window`", "something else")
        if isinstance(data.get("scope"), str):
            data["scope"] = [data["scope"]]
        return data

    @property
    def tier_fields(self) -> dict[str, str]:
        """The request fields that tiers go by, by their conditions."""
        named = ((condition, condition.partition("=")[0].partition(".")) for condition in self.tiers)
        return {condition: name for condition, (kind, _, name) in named if kind == "header"}


class LimitQueue(Section):
    """Where requests wait that are over a rate limit."""

    size: Count = Field(default=100, description="Most that wait; past it 429. Those of a higher `priority` go first.")
    timeout: Timeout = Field(default=1.0, description="Longest wait; past it 429.")


class MatchedRateLimit(RateLimit):
    """A rate limit for every route that it matches."""

    other_names: ClassVar[Mapping[str, str]] = {**RateLimit.other_names, "endpoint": "path"}

    path: PathPattern | None = Field(default=None, description="Paths that it is for; absent: all.")

    @model_validator(mode="before")
    @classmethod
    def _default_algorithm(cls, data: Any) -> Any:
        # C-04: written with `endpoint` or `scope`, a limit is meant as a sliding window.
        if isinstance(data, dict) and {"endpoint", "scope"} & set(data):
            return {"algorithm": "sliding_window", **data}
        return data
