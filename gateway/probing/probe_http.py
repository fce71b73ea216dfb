"""A check by an HTTP request: its answer must have the right status, fields and content.

Each check opens a connection of its own: so it tests new connections too, and
takes none from the traffic. It reads the whole answer, even where the head
would do: a backend whose connection is closed while it writes logs an error,
and would do so with every check (D-32).

Tests: `tests/flow/test_active_health.py::test_what_is_well`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from gateway.dialling.fetching import Fetched, Fetcher, FetchFailed, NotConnected
from gateway.http.expressions import searcher
from gateway.probing.prober import CheckFailed
from gateway.routing.rule import Conditions

MOST = 64 * 1024
"""Most octets of an answer's content that are read and judged."""


class HttpProbe:
    """Requests a path of a backend.

    Args:
        fetcher: Makes the request, with `glance` and `most` of `MOST` octets.
        url: What is requested.
        host: Value of `Host`, unless `headers` has one.
        headers: Further fields to send.
        expected_status: Ranges of statuses of a healthy backend, both ends included.
        expected_headers: What fields of the answer must be: equal text, `~regex`, or `*` for presence.
        expected_body: Text that must stand in the content, or `~regex`; empty for any content.

    Raises:
        ValueError: A regular expression does not compile.
    """

    def __init__(
        self,
        fetcher: Fetcher,
        url: str,
        host: str,
        headers: Mapping[str, str],
        expected_status: Sequence[tuple[int, int]],
        expected_headers: Mapping[str, str],
        expected_body: str,
    ) -> None:
        self._fetcher = fetcher
        self._url = url.encode()
        fields = {"Host": host, "User-Agent": "gateway-health-check", "Accept": "*/*"}
        given = {name.lower() for name in headers}
        said = [(name, value) for name, value in fields.items() if name.lower() not in given]
        said += headers.items()
        self._fields = [(name.encode(), value.encode()) for name, value in said]
        self._statuses = expected_status
        self._conditions = Conditions(expected_headers, {})
        self._body = _finder(expected_body)

    def run(self) -> Deferred[None]:
        """See `gateway.probing.prober.Probe`."""
        return self._fetcher.fetch(b"GET", self._url, self._fields).addCallbacks(self._judge, _failed)

    def _judge(self, answer: Fetched) -> None:
        if not any(least <= answer.status <= most for least, most in self._statuses):
            wanted = ", ".join(f"{least}" if least == most else f"{least}-{most}" for least, most in self._statuses)
            raise CheckFailed(f"status {answer.status}, wanted {wanted}")
        if not self._conditions.hold(answer.headers, b""):
            raise CheckFailed("the fields of the answer are not as wanted")
        if self._body is not None and not self._body(answer.body):
            raise CheckFailed("the content of the answer is not as wanted")


def _failed(failure: Failure) -> None:
    """Raise the error of a probe for a request without an answer."""
    error = failure.value
    if isinstance(error, NotConnected) and error.__cause__ is not None:
        raise error.__cause__  # the dialer's own failure, which `describe` words as the access log does
    if isinstance(error, FetchFailed):
        raise CheckFailed(str(error)) from None
    failure.raiseException()


def _finder(wanted: str) -> Callable[[bytes], object] | None:
    if not wanted:
        return None
    if wanted.startswith("~"):
        return searcher(wanted[1:])
    text = wanted.encode()
    return lambda body: text in body
