"""Who calls, as a command line says it: `--as`, of `gateway explain`, `plan`, `replay` and `simulate`.

Tests: `tests/commands/test_claims.py`.
"""

from __future__ import annotations

import json
from typing import Any


def claims_of(said: str) -> dict[str, Any]:
    """Read claims: a JSON object, or the subject alone.

    Raises:
        ValueError: It is neither.
    """
    if not said.lstrip().startswith("{"):
        return {"sub": said}
    try:
        found = json.loads(said)
    except ValueError as error:
        raise ValueError(f"expected claims as a JSON object in --as: {error}") from None
    return dict(found)
