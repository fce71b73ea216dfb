"""What became of one request of a log, and in which ways two such outcomes differ.

Tests: `tests/rehearsal/replaying/test_answered.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from gateway.http.redaction import names_credential
from gateway.recorded.request import Recorded

Kind = Literal["status", "route", "upstream", "path", "reason", "sent fields", "fields", "body"]

KINDS: Final[tuple[Kind, ...]] = ("status", "route", "upstream", "path", "reason", "sent fields", "fields", "body")
"""The ways, what clients notice first."""

CLIENT_GONE: Final = frozenset({0, 499})
"""What logs write where the client has left before it was answered."""

_OF_ITS_OWN: Final = frozenset({"x-request-id", "traceparent", "date"})
"""Fields of which each exchange has its own."""

Fields = tuple[tuple[str, str], ...]


@dataclass(slots=True)
class Answered:
    """What became of a request.

    Attributes:
        status: What the client got; 0 for nothing.
        route: The name of the route; None for none.
        upstream: The upstream that was asked last; None for none.
        sent: Method, path and query of the last request that the upstream got; None for none.
        reason: Why the gateway answered itself, or why a server did not answer; else None.
        sent_fields: The fields that the upstream got.
        fields: The fields that the client got.
        body: A digest of the content that the client got, where that is known.
        left_out: Why the request could not be made; empty where it was.
    """

    status: int = 0
    route: str | None = None
    upstream: str | None = None
    sent: str | None = None
    reason: str | None = None
    sent_fields: Fields = ()
    fields: Fields = ()
    body: str = ""
    left_out: str = ""


class Otherwise(NamedTuple):
    """One way in which two outcomes differ.

    Attributes:
        kind: Which.
        before: As it was, in words; of fields the names of those that differ, with `+`, `-` and `~` for those that
            came, went and have another value. A status has its reason with it.
        after: As it is; empty for fields and content.
    """

    kind: Kind
    before: str
    after: str


def compare(before: Answered, after: Answered) -> list[Otherwise]:
    """Say in which ways two outcomes differ, in the order of `KINDS`; nothing where they do not."""
    found = []
    if before.status != after.status:
        found.append(Otherwise("status", _status(before), _status(after)))
    if before.route != after.route:
        found.append(Otherwise("route", before.route or "none", after.route or "none"))
    if before.upstream != after.upstream:
        found.append(Otherwise("upstream", before.upstream or "none", after.upstream or "none"))
    both = before.sent is not None and after.sent is not None
    if both and before.sent != after.sent:
        found.append(Otherwise("path", str(before.sent), str(after.sent)))
    if before.reason != after.reason and before.status == after.status:
        found.append(Otherwise("reason", before.reason or "none", after.reason or "none"))
    # Where nothing was sent any more, or another status is answered, other fields are no news.
    if both and before.sent_fields != after.sent_fields:
        found += _fields("sent fields", before.sent_fields, after.sent_fields)
    if before.status == after.status and before.fields != after.fields:
        found += _fields("fields", before.fields, after.fields)
    if before.status == after.status and before.body != after.body:
        found.append(Otherwise("body", "another content", ""))
    return found


def compare_with_log(request: Recorded, after: Answered) -> list[Otherwise]:
    """Say in which ways an outcome differs from what the log says of it; what the log lacks is not compared."""
    found = []
    if request.status not in CLIENT_GONE and request.status != after.status:
        was = f"{request.status} ({request.reason})" if request.reason else str(request.status)
        found.append(Otherwise("status", was, _status(after)))
    if request.route is not None and request.route != after.route:
        found.append(Otherwise("route", request.route, after.route or "none"))
    if request.upstream is not None and request.upstream != after.upstream:
        found.append(Otherwise("upstream", request.upstream, after.upstream or "none"))
    return found


def kept(name: str, value: str) -> str | None:
    """Return the value of a field that outcomes are compared by; None for one of which each exchange has its own.

    Of a credential it only counts whether it is there: it is made up anew by each gateway.
    """
    if name in _OF_ITS_OWN:
        return None
    return "…" if names_credential(name) else value


def _status(taken: Answered) -> str:
    answer = str(taken.status) if taken.status else "no answer"
    return f"{answer} ({taken.reason})" if taken.reason else answer


def _fields(kind: Kind, before: Fields, after: Fields) -> Iterator[Otherwise]:
    was, now = _values(before), _values(after)
    words = [f"+{name}" for name in now if name not in was]
    words += [f"-{name}" for name in was if name not in now]
    words += [f"~{name}" for name, value in was.items() if name in now and now[name] != value]
    if words:
        yield Otherwise(kind, " ".join(sorted(words)), "")


def _values(fields: Fields) -> Mapping[str, tuple[str, ...]]:
    values: dict[str, tuple[str, ...]] = {}
    for name, value in fields:
        values[name] = (*values.get(name, ()), value)
    return values
