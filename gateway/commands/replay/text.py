"""What `gateway replay` says: to people, and to programs (JSON).

Tests: `tests/commands/replay/test_command.py`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import click

from gateway.commands.wording import printable
from gateway.http.redaction import query_redactor

if TYPE_CHECKING:
    from gateway.recorded.request import Recorded
    from gateway.recorded.survey import Survey
    from gateway.rehearsal.replaying.replay import Group, Replayed

SHOWN: Final = 10
"""Ways of each kind, and clients, callers and hosts, that are shown."""

_TITLES: Final = {
    "status": "status",
    "route": "route",
    "upstream": "upstream",
    "path": "what the upstream is asked",
    "reason": "reason",
    "sent fields": "fields to the upstream",
    "fields": "fields to the client",
    "body": "content to the client",
}
_COLOURS: Final = {"status": "red", "route": "yellow", "upstream": "yellow", "path": "yellow"}


def text(path: str, survey: Survey, found: Replayed) -> Iterator[str]:
    """Say what became of a log, line by line."""
    yield from _head(path, survey)
    yield ""
    yield from results(path, found)
    yield ""
    yield from _unknown(survey)


def results(path: str, found: Replayed, verb: str = "would be") -> Iterator[str]:
    """Say which requests are answered otherwise."""
    words = f"{found.otherwise:,} of {_count(found.requests, 'request')} {verb} answered otherwise"
    others = sum(group.count for group in found.kinds.get("status", ()))
    if found.otherwise and others != found.otherwise:
        words += f", {others:,} with another status" if others else ", none with another status"
    yield click.style(words, fg="red" if found.otherwise else "green", bold=True)
    for kind, groups in found.kinds.items():
        yield ""
        yield click.style(_TITLES[kind], bold=True, fg=_COLOURS.get(kind))
        for group in groups[:SHOWN]:
            yield f"  {group.count:>7,}  {printable(_way(group))}"
            for request in group.examples:
                yield click.style(f"           {printable(f'{path}:{request.line}  {_said(request)}')}", dim=True)
        if more := groups[SHOWN:]:
            yield f"  {sum(group.count for group in more):>7,}  in {len(more):,} other ways"
    if found.beyond:
        yield f"  {found.beyond:>7,}  in ways too many to be told apart"
    if found.otherwise:
        yield ""
        yield click.style("who is hit", bold=True)
        for title, counter in (
            ("clients", found.hit.clients),
            ("callers", found.hit.callers),
            ("hosts", found.hit.hosts),
        ):
            if counter:
                yield f"  {title:<8} {printable(_most(counter, found.hit.more))}"
    for why, count in found.left_out.most_common():
        yield ""
        yield f"{_count(count, 'request')} left out: {printable(why)}"


def of_target(path: str, survey: Survey, found: Replayed) -> Iterator[str]:
    """Say what a server answered, line by line."""
    yield from _head(path, survey)
    yield ""
    yield from results(path, found, "were")
    yield ""
    line = "In no log: content, most fields of requests, and credentials; --header says what is sent with each."
    yield click.style(line, dim=True)


def below(path: str, found: Replayed, as_markdown: bool) -> Iterator[str]:
    """Say it below a plan, line by line."""
    yield ""
    if as_markdown:
        fence = "~" * 8  # no name of a route has so many
        yield from (f"#### Replayed: {path}", "", fence, *map(click.unstyle, results(path, found)), fence)
    else:
        yield from results(path, found)


def _head(path: str, survey: Survey) -> Iterator[str]:
    first, last = (datetime.fromtimestamp(moment, UTC) for moment in (survey.first, survey.last))
    same = first.date() == last.date()
    span = f"{first:%Y-%m-%d %H:%M:%S} to {last:{'%H:%M:%S' if same else '%Y-%m-%d %H:%M:%S'}} UTC"
    yield printable(f"{path}: {_count(survey.requests, 'request')} ({survey.form}), {span}")
    if survey.skipped:
        yield click.style(f"{_count(survey.skipped, 'line')} without a request", fg="yellow")
        for line, why in survey.examples:
            yield f"  {printable(f'{path}:{line}: {why}')}"
        if survey.skipped > len(survey.examples):
            yield "  …"


def _unknown(survey: Survey) -> Iterator[str]:
    """Say what was made up, since no log or this log does not have it."""
    made_up = {
        "host": "hosts (--host says which)",
        "client": "addresses of clients",
        "user": "who called (--as says who)",
        "duration": "durations: backends answer at once",
    }
    missing = [words for name, words in made_up.items() if name in survey.silent]
    line = "In no log: content, and most fields of requests; credentials were made up for each caller."
    yield click.style(line, dim=True)
    if missing:
        yield click.style(f"In this one neither: {'; '.join(missing)}.", dim=True)
    if survey.more_users:
        yield click.style("There are more callers than are told apart: those beyond have no API keys.", dim=True)


def _way(group: Group) -> str:
    way = group.way
    return f"{way.before} → {way.after}" if way.after else way.before


def _said(request: Recorded) -> str:
    who = " ".join(filter(None, [request.user, f"from {request.client}" if request.client else ""]))
    return f"{request.method} {request.host}{_target(request)}  {who}".rstrip()


def _target(request: Recorded) -> str:
    """Return the target without credentials: logs of other servers have them, and a report is read by many."""
    return query_redactor(())(request.target.encode("utf-8", "surrogateescape"))


def _most(counter: Counter[str], more: bool) -> str:
    shown = [f"{name} ({count:,})" for name, count in counter.most_common(SHOWN)]
    left = len(counter) - len(shown)
    if left > 0:
        shown.append(f"and {left:,}{' or more' if more else ''} others")
    return ", ".join(shown)


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def document(path: str, survey: Survey | None, found: Replayed) -> dict[str, Any]:
    """Return the same as data."""
    said: dict[str, Any] = {
        "requests": found.requests,
        "otherwise": found.otherwise,
        "statuses": {str(status): count for status, count in sorted(found.statuses.items())},
        "groups": [
            {
                "kind": kind,
                "before": group.way.before,
                "after": group.way.after or None,
                "count": group.count,
                "examples": [_example(request) for request in group.examples],
            }
            for kind, groups in found.kinds.items()
            for group in groups
        ],
        "beyond": found.beyond,
        "hit": {
            "clients": dict(found.hit.clients.most_common()),
            "callers": dict(found.hit.callers.most_common()),
            "hosts": dict(found.hit.hosts.most_common()),
            "more": found.hit.more,
        },
        "left_out": dict(found.left_out),
    }
    if survey is None:
        return said
    log = {
        "path": path,
        "format": survey.form,
        "requests": survey.requests,
        "skipped": survey.skipped,
        "skipped_examples": [{"line": one.line, "why": one.why} for one in survey.examples],
        "first": survey.first,
        "last": survey.last,
        "unknown": survey.silent,
    }
    return {"log": log, **said}


def _example(request: Recorded) -> dict[str, Any]:
    return {
        "line": request.line,
        "method": request.method,
        "host": request.host,
        "target": _target(request),
        "client": request.client or None,
        "user": request.user,
        "status": request.status,
    }
