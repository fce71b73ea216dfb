"""Where figures are sent by the protocol of StatsD.

Tests: `tests/config/schema/test_statsd.py`.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import Field, field_validator

from gateway.config import patterns
from gateway.config.problems import Unexpected
from gateway.config.schema.base import Section, expected
from gateway.config.schema.types import Duration, Parsed, form

_HOST = re.compile(r"\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+")


def _address(value: object) -> str:
    written = patterns.text(value)
    words = "an address and port such as 127.0.0.1:8125, or unix:/run/statsd.sock"
    if written.startswith("unix:/"):
        return written
    host, _, port = written.rpartition(":")
    if not _HOST.fullmatch(host) or not re.fullmatch("[0-9]{1,5}", port) or not 0 < int(port) < 65536:
        raise Unexpected(words)
    return written


class StatsD(Section):
    """Figures that are sent, beside those that are asked for. Absent: none."""

    address: Annotated[str, Parsed(_address, {"type": "string"}, "address and port, or `unix:` and a path")] = Field(
        default="127.0.0.1:8125", description="Where it listens: UDP, or a UNIX socket for datagrams."
    )
    prefix: Annotated[str, form(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,100}", "letters, digits, `_`, `-` and `.`")] = Field(
        default="gateway", description="What the names of all metrics begin with, before a dot."
    )
    interval: Duration = Field(default=1.0, description="How often they are sent.")
    tags: Literal["dogstatsd", "none"] = Field(
        default="dogstatsd", description="How labels are written: as DogStatsD has tags, or as parts of the name."
    )

    @field_validator("interval")
    @classmethod
    def _is_some_time(cls, interval: float) -> float:
        if interval < 0.1:
            raise expected("a duration from 100ms up")
        return interval
