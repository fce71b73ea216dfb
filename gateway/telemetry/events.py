"""The one list of events: names by which records of the application log are found, and the page made from it.

`python -m gateway.telemetry.events > docs/reference/events.md`. Whoever logs gives the name as a literal (`event=`),
and the gateway loads nothing of this; `tests/telemetry/test_events.py` holds the calls, the list and the page together.
"""

from __future__ import annotations

import sys
from typing import Final, NamedTuple

from gateway.limiting.sparing import A_SECOND, AGAIN, AT_ONCE
from gateway.telemetry.logging import INTERNAL

SPARINGLY: Final = (
    f"one line in {AGAIN:.0f} s for each {{kind}}; of all together {AT_ONCE} at once, then one in {1 / A_SECOND:.0f} s"
)
"""The bound of `gateway.limiting.sparing`."""


class Event(NamedTuple):
    """One event.

    Attributes:
        name: A noun and what became of it.
        level: That of its records.
        help: What has happened.
        fields: What its records always have beside time, level, logger and message.
        bound: How many of them a client can cause; empty where clients cannot.
    """

    name: str
    level: str
    help: str
    fields: tuple[str, ...] = ()
    bound: str = ""


_OF_REQUESTS = ("request_id", "route", "status", "untold")
_REFUSED = ("request_id", "route", "what", "status", "reason", "source", "client_ip", "upstream", "backend", "untold")
_CHANGE = ("subject", "upstream", "backend", "what", "before", "after", "cause")
_BY_REASON = SPARINGLY.format(kind="reason and route")

EVENTS: Final = (
    # Requests, and who sends them.
    Event(
        "request.failed",
        "warn, info",
        "An exchange ended in an error of a backend or of the gateway. With `log.format: text` and the statuses 502 to "
        "504 the line explains it (level info, `why` in place of `reason`).",
        _OF_REQUESTS,
        f"{_BY_REASON}; where lines explain, {AT_ONCE} at once, then one in {1 / A_SECOND:.0f} s",
    ),
    Event(
        "request.unrouted",
        "info",
        "With `log.format: text`: no route takes a request, and why.",
        ("method", "path", "why", *_OF_REQUESTS),
        f"{AT_ONCE} at once, then one in {1 / A_SECOND:.0f} s",
    ),
    Event(
        "auth.refused",
        "info",
        "A request was not let in: its credential was missing, wrong, or good for something else, its address or its "
        "page is not admitted.",
        _REFUSED,
        _BY_REASON,
    ),
    Event(
        "limit.refused",
        "info",
        "A request was over a rate limit, or there was no place for it.",
        _REFUSED,
        _BY_REASON,
    ),
    Event(
        "auth.guess_refused",
        "info",
        "A wrong secret was shown to the token endpoint, or for Basic authentication.",
        ("client", "where", "client_ip", "request_id"),
        "one for each attempt; attempts are limited by client and by address",
    ),
    Event(
        "auth.token_leaked",
        "warn",
        "A refresh token was shown twice, or by another client: all that came of it has ended.",
        ("owner", "how", "client_ip", "request_id"),
        "one for each family of tokens",
    ),
    Event(
        "certificate.refused",
        "info",
        "The certificate of a client was refused: in the handshake, or at a request since it is revoked.",
        ("client_ip", "cause", "untold"),
        SPARINGLY.format(kind="cause and subject, or cause and address"),
    ),
    Event(
        "proxy_protocol.refused",
        "warn",
        "A connection to a listener with `proxy_protocol` was closed before a client was known.",
        ("client_ip", "cause"),
        "one line a minute for each of the three causes",
    ),
    Event(
        "client.turned_away",
        "warn",
        "The process has no descriptors left for more connections.",
        ("error", "count"),
        "one line a minute",
    ),
    # What keeps from too much.
    Event("overload.changed", "warn", "The gateway turns requests away for want of time or memory.", ("shed", "cause")),
    Event("overload.ended", "info", "Nothing is turned away any more.", ("cause",)),
    # Upstreams.
    Event("breaker.open", "warn", "A circuit breaker keeps requests away.", _CHANGE),
    Event("breaker.half_open", "info", "A circuit breaker lets a few requests try.", _CHANGE),
    Event("breaker.closed", "info", "A circuit breaker lets all requests pass again.", _CHANGE),
    Event("backend.unhealthy", "warn", "A backend fails its active checks, and is out of use.", _CHANGE),
    Event("backend.healthy", "info", "A backend passes its active checks again.", _CHANGE),
    Event("backend.ejected", "warn", "A backend is out of use for failures of real requests.", _CHANGE),
    Event("backend.returned", "info", "The ejection of a backend is over.", _CHANGE),
    Event("upstream.panic", "warn", "Ejected backends are used, since too few others are left.", _CHANGE),
    Event("upstream.calm", "info", "Enough backends are left again.", _CHANGE),
    Event(
        "backend.unreachable",
        "warn",
        "No connection to a backend came about.",
        ("upstream", "backend", "cause"),
        "of each backend one line a minute for the same cause, one a second for others",
    ),
    Event("name.failed", "warn", "The name of a backend does not resolve any more.", ("host", "addresses")),
    Event("name.recovered", "info", "The name of a backend resolves again.", ("host", "addresses")),
    Event(
        "discovery.stale",
        "warn",
        "A registry does not tell members; the last known stay.",
        ("upstream", "kind", "state", "count", "cause"),
    ),
    Event("discovery.current", "info", "A registry tells members.", ("upstream", "kind")),
    Event("discovery.changed", "info", "An upstream has other members.", ("upstream", "changes")),
    Event("discovery.refused", "warn", "Members that a registry tells were not taken.", ("upstream", "cause")),
    # Stores and authorities.
    Event("store.down", "warn", "Redis, or the database of API keys, does not answer.", ("address", "cause")),
    Event("store.up", "info", "It answers again; Redis also at the start.", ("address",)),
    Event("store.refused", "warn", "Redis answers with an error; the same is told once a minute.", ("address", "code")),
    Event("keys.failed", "warn", "The keys of an issuer of tokens could not be fetched.", ("label", "cause")),
    Event("keys.recovered", "info", "They can be fetched again.", ("label",)),
    Event("keys.changed", "info", "An issuer of tokens has other keys.", ("label", "count")),
    Event(
        "authority.failed",
        "warn",
        "A server that decides about credentials did not answer as it should.",
        ("what", "url", "cause"),
        "one line a minute for the same cause, one a second for others",
    ),
    Event(
        "certificate.ends_soon",
        "warn, error",
        "A certificate of a listener ends within 14 days; error: it has ended.",
        ("listener", "name", "days"),
        "one line a day for each certificate",
    ),
    Event("certificate_list.invalid", "warn", "A list of revoked certificates is not valid now.", ("key", "name")),
    # Configurations, and who changes them.
    Event(
        "reload.done",
        "info",
        "A configuration is in force, certificates and other files that it names included.",
        ("routes", "upstreams", "version", "changed", "who", "ms"),
    ),
    Event("reload.failed", "error, critical", "A configuration was refused; the one before stays in force."),
    Event("config_source.stale", "warn", "The configuration in etcd cannot be read.", ("url", "cause")),
    Event("config_source.current", "info", "It can be read again.", ("url",)),
    Event("listener.opened", "info", "A reload has opened a port.", ("address",)),
    Event("listener.closed", "info", "A reload has closed a port.", ("address",)),
    Event(
        "admin.changed",
        "info",
        "The admin API has changed the configuration.",
        ("who", "what", "before", "after", "changed", "outcome"),
    ),
    Event(
        "admin.refused",
        "warn",
        "The admin API has refused a change of the configuration.",
        ("who", "what", "before", "after", "reason", "outcome"),
    ),
    Event("admin.purged", "info", "The admin API has emptied the cache, or a part.", ("what", "value", "who")),
    Event("admin.ordered", "info", "The admin API has revoked or forgotten credentials.", ("what", "kind", "who")),
    # Plugins.
    Event(
        "plugin.failed",
        "critical",
        "A plugin raised, took too long, or left what no hook may.",
        ("plugin", "hook", "request_id", "cause"),
        "of each plugin one line a minute for each hook and cause",
    ),
    Event(
        "plugin.blocked",
        "warn",
        "A plugin held the reactor, and every other exchange waited.",
        ("plugin", "hook", "seconds", "request_id"),
        "of each plugin one line a minute for each hook",
    ),
    Event(
        "plugin.stalled",
        "error",
        "A plugin holds the reactor right now; `stands` says where.",
        ("plugin", "hook", "seconds", "stands"),
        "after 1, 2, 4, 8, … looks",
    ),
    # What leaves the gateway.
    Event(
        "access_log.lost",
        "error",
        "Records of the access log are lost.",
        ("path", "count", "cause"),
        "one line a minute",
    ),
    Event(
        "shipping.failed",
        "warn",
        "Spans or records of logs cannot be delivered; they are sent again.",
        ("what", "where", "cause"),
    ),
    Event("shipping.recovered", "info", "They are delivered again.", ("what", "where")),
    Event(
        "shipping.lost",
        "error",
        "Spans or records of logs are lost.",
        ("count", "what", "where", "cause"),
        "one line a minute for each cause",
    ),
    # Processes.
    Event("drain.announced", "info", "The gateway ends: it is not ready any more, and still serves.", ("delay",)),
    Event("drain.began", "info", "It takes no new connection, and finishes those that it has.", ("count", "timeout")),
    Event("drain.overdue", "warn", "Some connections were not done in time, and are broken off.", ("count",)),
    Event("drain.hurried", "warn", "A second signal: nobody is waited for."),
    Event("process.stopped", "info", "The process has ended as it should."),
    Event("upgrade.began", "info", "The installed version is started beside this one."),
    Event("upgrade.done", "info", "It has taken over.", ("pid",)),
    Event("upgrade.failed", "error", "It did not come up: this process serves on.", ("cause",)),
    Event("worker.ended", "error", "With `processes: n`: a worker has ended.", ("index", "cause", "wait")),
    Event("worker.silent", "warn", "A worker gives no sign of life.", ("index", "seconds")),
    Event("worker.killed", "error", "A worker is killed.", ("index", "cause")),
    Event("worker.orphaned", "error", "The parent of a worker is gone: the worker drains."),
    Event(
        INTERNAL,
        "critical",
        "Something of the gateway or of a library is broken: any record with a `traceback` that has no other event. "
        "Please report it.",
    ),
)

_HEAD = """\
# Events

<!-- Made by `python -m gateway.telemetry.events`; do not edit. -->

Records of the application log that tell of something that somebody may wait for have its name in `event`: with
`log.format: json`, and in what `log_shipping` sends with `what: [application]`. The names stay; the words of the
message may change. Fields are those that each record of the event has beside `timestamp`, `level`, `logger` and
`message`; it may have more.

Where clients cause an event, the last column says how many lines they can cause, so that nobody fills a disk with
them. What was not said is counted: `untold` is how often since the last line of its kind. Every exchange by itself,
with its `reason`, is in the access log, and all are counted by [metrics](metrics.md).

```logql
{job="gateway", log="application"} | json | event =~ "breaker.open|backend.unhealthy"
```

| event | level | what has happened | fields | as many as |
| --- | --- | --- | --- | --- |
"""


def markdown() -> str:
    """Write the page."""
    return _HEAD + "".join(
        f"| `{event.name}` | {event.level} | {event.help} | {', '.join(f'`{name}`' for name in event.fields)} "
        f"| {event.bound} |\n"
        for event in EVENTS
    )


if __name__ == "__main__":
    sys.stdout.write(markdown())
