"""`Recorded`: one request as a line of an access log tells it.

Tests: `tests/recorded/test_json_lines.py`.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True, frozen=True)
class Recorded:
    """One request, and how it was answered.

    Attributes:
        line: The number of the line in its file, from 1.
        began: Unix seconds when the request came.
        method: Of the request, in capitals as it was sent.
        target: Path and query, as on the request line.
        scheme: `http` or `https`; empty where the log does not say.
        host: With its port where it had one; empty where the log does not say.
        client: The client's address; empty where the log does not say.
        status: What the client got; 0 where the log says that nobody was answered.
        seconds: From the request to the end of the answer; None where the log does not say.
        user: Who called, by the name that the log has; None for nobody, or where the log does not say.
        headers: Fields of the request that the log has, without those that were masked.
        route: The name of the route; None where the log does not say.
        upstream: The name of the upstream; None where none was asked, or where the log does not say.
        backend: The address of the backend, likewise.
        upstream_seconds: How long the upstream took, likewise.
        reason: Why the gateway answered itself (`errors`), where the log is one of ours.
    """

    line: int
    began: float
    method: str
    target: str
    scheme: str = ""
    host: str = ""
    client: str = ""
    status: int = 0
    seconds: float | None = None
    user: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    route: str | None = None
    upstream: str | None = None
    backend: str | None = None
    upstream_seconds: float | None = None
    reason: str | None = None

    @property
    def path(self) -> str:
        """The target without its query."""
        return self.target.partition("?")[0]

    @property
    def query(self) -> str:
        """The query without `?`; the empty text for none."""
        return self.target.partition("?")[2]

    @property
    def ended(self) -> float:
        """Unix seconds when the answer was complete; when the request came, where the log has no duration."""
        return self.began + (self.seconds or 0.0)
