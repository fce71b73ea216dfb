"""What a browser asks before a page of another origin may call: a preflight (the Fetch standard, "CORS protocol").

Tests: `tests/flow/test_cors.py::test_other_uses_of_options`.
"""

from __future__ import annotations

from gateway.message import Request

METHOD = b"access-control-request-method"


def asked_method(request: Request) -> bytes | None:
    """Return the method that a preflight is about; None for any other request.

    Args:
        request: Its head is complete.
    """
    if request.method != b"OPTIONS":
        return None
    index = request.headers.index
    return index.get(METHOD) if b"origin" in index else None
