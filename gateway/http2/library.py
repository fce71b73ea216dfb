"""Whether there is ngh2, without loading it.

Layer 1. It is loaded with the first connection of HTTP/2 (`gateway.serving.negotiation`), or where backends are asked
by HTTP/2: a gateway whose clients speak HTTP/1.1 has 2.5 MB more for other things.
"""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec


@cache
def available() -> bool:
    """Whether HTTP/2 can be spoken here: without ngh2 it is not offered, and there is no slower way beside it."""
    return find_spec("ngh2") is not None
