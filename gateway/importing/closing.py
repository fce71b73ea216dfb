"""What becomes of a route whose protection cannot be carried over.

Note [Closed rather than open]

Such a route gets `ip_deny` for all addresses: what was protected is never open by having been moved. Its test says that
nobody gets in, and the list of what was left out says what to write.

Tests: `tests/importing/kong/test_callers.py::test_what_cannot_be_asked_closes_the_route`.
"""

from __future__ import annotations

from typing import Final

from gateway.importing.cases import Said
from gateway.importing.draft import Data

NOBODY: Final = ("0.0.0.0/0", "::/0")
OPEN_AGAIN: Final = "the route is closed: write its protection, and take `ip_deny` out"


def close(route: Data, said: Said) -> None:
    """Let nobody in: Note [Closed rather than open]."""
    route["ip_deny"] = list(NOBODY)
    route.pop("ip_allow", None)
    said.shut = True
