"""How the servers behind routes read paths."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from gateway.config.schema.base import Section


class Paths(Section):
    """What is done about paths that servers read in more than one way."""

    readings: tuple[Literal["dots", "slashes", "params", "trailing_slash", "case", "escapes"], ...] = Field(
        default=("dots", "slashes"),
        description="What servers may disagree about; a path that is another route's in one of these readings is 400 "
        "`request.ambiguous`. `dots`: dot segments resolved or not. `slashes`: `%2F`, `%5C`, `\\` and `//` taken for "
        "`/` or not. `params`: `;x=y` dropped. `trailing_slash`, `case`: counted or not. `escapes`: those of letters "
        "and digits decoded or not.",
    )
    forward: Literal["as_written", "normalized"] = Field(
        default="as_written", description="What a backend gets: the path as the client wrote it, or its normal form."
    )
