"""How many exchanges may be in flight, who waits for a place, and whose turn it is."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from gateway.config.schema.base import Section, expected
from gateway.config.schema.types import Count, Positive, Timeout, number

Priority = Literal["low", "normal", "high"]


class Queue(Section):
    """Where exchanges wait for a place in flight."""

    size: Count = Field(
        default=100,
        description="Most that wait; past it 503. Those of a higher `priority` go first, and take the place of lower "
        "ones where it is full.",
    )
    timeout: Timeout = Field(default=1.0, description="Longest wait; past it 503.")


class AdaptiveConcurrency(Section):
    """Finds how many exchanges an upstream can have in flight, from how long its answers take (gradient)."""

    initial_limit: Positive = Field(default=20, description="The limit to begin with.")
    min_limit: Positive = Field(default=20, description="Never below.")
    max_limit: Positive = Field(default=1000, description="Never above; nor above `in_flight`, where that is set.")
    tolerance: Annotated[float, number(1, 100)] = Field(
        default=1.5, description="How many times longer than usual answers may take before the limit shrinks."
    )
    smoothing: Annotated[float, number(0.01, 1)] = Field(
        default=0.2, description="Share of a new estimate that is taken over at once."
    )
    headroom: Positive = Field(default=4, description="By how many the limit grows while answers are as fast as usual.")
    window: Timeout = Field(default=1.0, description="Over which times are averaged.")
    min_samples: Positive = Field(default=10, description="A window goes on until it has so many answers.")
    long_window: Positive = Field(default=600, description="Windows that make up what is usual.")

    @model_validator(mode="after")
    def _in_order(self) -> AdaptiveConcurrency:
        if not self.min_limit <= self.initial_limit <= self.max_limit:
            found = f"{self.min_limit}, {self.initial_limit} and {self.max_limit}"
            raise expected("`min_limit`, `initial_limit` and `max_limit` in ascending order", found)
        return self
