"""What becomes of a route whose protection cannot be carried over.

Note [Closed rather than open]

Such a route gets `ip_deny` for all addresses: what was protected is never open by having been moved. Its test says that
nobody gets in, and the list of what was left out says what to write. A plugin that nobody here knows is taken for
protection, unless it is known to let nobody in or keep nobody out (`HARMLESS` of each kind).

Tests: `tests/importing/kong/test_callers.py::test_what_cannot_be_asked_closes_the_route`.
"""

from __future__ import annotations

from typing import Final

from gateway.importing.cases import Said
from gateway.importing.draft import Data

NOBODY: Final = ("0.0.0.0/0", "::/0")
OPEN_AGAIN: Final = "the route is closed: write its protection, and take `ip_deny` out"
MAY_PROTECT: Final = "and it may be what keeps callers out"
NOT_NEEDED: Final = "the route is closed: write a plugin, or take `ip_deny` out if it kept nobody out"


def close(route: Data, said: Said) -> None:
    """Let nobody in: Note [Closed rather than open]."""
    said.shut = True
    stay_closed(route, said)


def stay_closed(route: Data, said: Said) -> None:
    """Close a route once more if it was closed: a plugin that came later may have written address rules of its own."""
    if said.shut:
        route["ip_deny"] = list(NOBODY)
        route.pop("ip_allow", None)
