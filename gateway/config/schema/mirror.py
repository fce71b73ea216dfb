"""`mirror` of a route: another upstream that gets a copy of what the route forwards.

Tests: `tests/flow/test_mirror.py::test_what_the_configuration_cannot_say`.
"""

from __future__ import annotations

from pydantic import Field

from gateway.config.schema.base import Section
from gateway.config.schema.types import Name, Ratio


class Mirror(Section):
    """Where copies go, and how many."""

    upstream: Name = Field(description="The upstream that gets the copies; its answers are thrown away.")
    ratio: Ratio = Field(default=1.0, description="Share of the requests that are copied, by chance.")
