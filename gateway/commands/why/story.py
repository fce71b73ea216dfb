"""The story of one exchange in plain English: what `gateway why` says.

Decides only: goes in what `/exchanges/ID` of the admin port says, or what a record of the access log says, which is
less; whatever is not known is not spoken of.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from gateway.advice import ADVICE
from gateway.commands.wording import duration, printable
from gateway.errors import reasons

Exchange = Mapping[str, Any]
Rows = Sequence[Mapping[str, Any]]
"""As `/routes` has them."""

PHASES: Final = {
    "gateway": "the gateway's own steps",
    "queue": "waiting for a free connection",
    "connect": "opening a connection",
    "wait": "waiting for the answer",
    "answer": "the answer coming in",
    "backoff": "the pause before the next attempt",
    "client": "sending to the client",
}
"""What the time went into, by the names of phases."""

_STEPS: Final = {
    "ratelimit": "the rate limit",
    "auth": "authentication",
    "ip_rules": "the address rules",
    "body_limit": "the limit on content",
    "cache": "the cache",
    "cors": "the rules for browsers (cors)",
}
"""What steps are called, by the beginnings of their names."""


class Story(NamedTuple):
    """What there is to say.

    Attributes:
        headline: In one sentence.
        parts: Titles, each with its sentences.
        phases: For a waterfall, as `/exchanges/ID` has them.
        total: Milliseconds of all.
        failed: Whether somebody has to look at it.
    """

    headline: str
    parts: list[tuple[str, list[str]]]
    phases: Sequence[Mapping[str, Any]]
    total: float
    failed: bool


def tell(exchange: Exchange, rows: Rows | None = None, near: str = "") -> Story:
    """Tell it.

    Args:
        exchange: What is known of it.
        rows: The routes in force; None where nobody knows them.
        near: The route that comes nearest, in words, where none took the request.
    """
    parts = [
        ("Request", _request(exchange)),
        ("Caller", _caller(exchange)),
        ("Route", _route(exchange, rows, near)),
        ("Limits", _limits(exchange)),
        ("Steps", _steps(exchange)),
        ("Backends", _backends(exchange)),
        ("Time", _time(exchange)),
        ("Meaning", _meaning(exchange)),
        ("What to do", _advice(exchange)),
    ]
    found = [(title, [printable(line) for line in lines]) for title, lines in parts if lines]
    failed = bool(exchange.get("reason") or exchange.get("grpc_status")) or _number(exchange.get("status")) >= 500
    return Story(
        printable(_headline(exchange)),
        found,
        exchange.get("phases") or (),
        _number(exchange.get("duration_ms")),
        failed,
    )


def _headline(exchange: Exchange) -> str:
    asked = f"{exchange.get('method') or 'A request'} {exchange.get('host') or ''}{exchange.get('path') or ''}".rstrip()
    status, reason, call = exchange.get("status"), exchange.get("reason"), exchange.get("grpc_status")
    if call:
        became = f"was answered with grpc-status {call}{f': {reason}' if reason else ', by the backend itself'}"
    elif status == 499:
        became = "ended without an answer: its client left"
    elif reason and _number(status) < 400:
        became = f"broke off after its status ({status}) was sent: {reason}"
    elif reason:
        became = f"was answered with {status}: {reason}"
    elif _number(status) >= 500:
        became = f"was answered with {status}, by the backend itself" if exchange.get("backend") else f"got a {status}"
    else:
        became = f"was answered with {status}"
    took = exchange.get("duration_ms")
    return f"{asked} {became}{'' if took is None else f', after {duration(took)}'}."


def _request(exchange: Exchange) -> list[str]:
    lines = []
    if exchange.get("time"):
        lines.append(f"It began at {exchange['time']}.")
    elif exchange.get("ended"):
        lines.append(f"It ended at {exchange['ended']}.")
    named = [f"id {exchange['id']}"] if exchange.get("id") else []
    named += [f"trace {exchange['trace_id']}"] if exchange.get("trace_id") else []
    if named:
        lines.append(f"{', '.join(named)}.")
    if exchange.get("query"):
        lines.append(f"Its query was {exchange['query']}.")
    sent = [f"{exchange[key]} octets {way}" for key, way in _OCTETS.items() if exchange.get(key)]
    if sent:
        lines.append(f"{' and '.join(sent)}.")
    return lines


_OCTETS: Final = {"bytes_received": "came from the client", "bytes_sent": "went to it"}


def _caller(exchange: Exchange) -> list[str]:
    who = exchange.get("principal")
    way = exchange.get("authenticated_by")
    agent = exchange.get("user_agent")
    known = f"{who}{f' (by {way})' if way else ''}" if who else "Nobody who is known"
    if not (who or exchange.get("client")):
        return []
    return [
        f"{known}, from {exchange.get('client') or 'an address that is not known'}{f', with {agent}' if agent else ''}."
    ]


def _route(exchange: Exchange, rows: Rows | None, near: str) -> list[str]:
    name, path = exchange.get("route"), exchange.get("path") or ""
    if not name:
        if "route" not in exchange:
            return []
        lines = ["No route took it."]
        if exchange.get("reason") == "route.none" and rows is not None:
            lines.append(near or f"None of the {len(rows)} routes in force comes near to this host and path.")
        return lines
    pattern = exchange.get("pattern")
    why = f": {path} fits its path {pattern}" if pattern else ""
    row = None if rows is None else next((one for one in rows if one["name"] == name), None)
    if row is not None:
        host = "any host" if row["host"] == "*" else f"host {row['host']}"
        methods = row["methods"]
        allowed = "any method" if methods in ("*", ["*"]) else f"methods {', '.join(methods)}"
        more = [f"{host}, {allowed}", *row.get("match", ())]
        why += f" ({'; '.join(more)})"
    lines = [f'"{name}"{why}.']
    if rows is not None and row is None:
        lines.append("The configuration that is in force now has no such route any more.")
    if exchange.get("upstream"):
        lines.append(f'It leads to the upstream "{exchange["upstream"]}".')
    return lines


def _limits(exchange: Exchange) -> list[str]:
    limit = exchange.get("limit")
    if not limit:
        return []
    per = f"{limit['requests']} requests in {limit['seconds']:g} s, counted by {limit['by'] or 'the limit'}"
    if limit["allowed"]:
        return [f"The tightest one had {limit['remaining']} left of {per}."]
    return [f"Used up: {per}. The next may pass in {limit['retry_after']:g} s."]


def _steps(exchange: Exchange) -> list[str]:
    lines = []
    for step in exchange.get("steps") or ():
        name, outcome = _step(step["step"]), step["outcome"]
        if outcome == "cancelled":
            said = f"{name} was still waited for when it ended"
        elif step["failed"]:
            said = f"{name} ended it: {outcome}"
        else:
            said = f"{name} answered: {outcome}" if outcome else f"{name} had it wait"
        took = "" if step.get("ms") is None else f", after {duration(step['ms'])}"
        lines.append(f"{said[0].upper()}{said[1:]}{took}.")
    for key, words in (("cached", "The cache said"), ("plugin_errors", "Plugins failed"), ("parts", "Its parts")):
        if exchange.get(key):
            lines.append(f"{words}: {exchange[key]}.")
    if exchange.get("dry_run"):
        lines.append(f"Rules in dry run would have refused it: {exchange['dry_run']}.")
    return lines


def _step(name: str) -> str:
    found = next((words for key, words in _STEPS.items() if name.startswith(key)), "")
    return f"{found} ({name})" if found else f"the step {name or 'without a name'}"


def _backends(exchange: Exchange) -> list[str]:
    attempts = exchange.get("attempts")
    if isinstance(attempts, list):
        if attempts:
            return [_attempt(one, len(attempts) > 1) for one in attempts]
        return ["None was asked."]
    if not attempts:
        return ["None was asked."] if attempts == 0 else []
    took = exchange.get("upstream_ms")
    tries = "1 attempt" if attempts == 1 else f"{attempts} attempts"
    last = f"{tries}, the last on {exchange.get('backend')}"
    return [f"{last}{'' if took is None else f', which took {duration(took)}'}."]


_CONNECTIONS: Final = {True: ", on a connection that had been used before", False: ", on a new connection"}


def _attempt(attempt: Mapping[str, Any], several: bool) -> str:
    number = f"{attempt['number']}. " if several else ""
    again = f", tried since the one before ended with {attempt['why']}" if attempt.get("why") else ""
    detail = f" ({attempt['detail'].rstrip('.')})" if attempt.get("detail") else ""
    outcome, status, reason = attempt["outcome"], attempt.get("status"), attempt.get("reason")
    if outcome == "cancelled":
        said = "nobody waited for it any more"
    elif outcome == "failed":
        said = f"{f'began an answer with {status}, then ' if status else ''}{reason}{detail}"
    elif outcome == "answered":
        said = f"answered {status}" if status else "answered"
    else:
        said = "was asked"
    on = {True: ", on a connection that had been used before", False: ", on a new connection"}.get(
        attempt["reused"], ""
    )
    protocol = f" (HTTP/{attempt['protocol']})" if attempt.get("protocol") and on else ""
    return f"{number}{attempt['backend']}: {said}, after {duration(attempt['ms'])}{on}{protocol}{again}."


def _time(exchange: Exchange) -> list[str]:
    phases, total = exchange.get("phases") or (), _number(exchange.get("duration_ms"))
    if phases and total > 0:
        longest = max(phases, key=lambda phase: float(phase["ms"]))
        share = min(100, round(100 * longest["ms"] / total))
        where = f" of attempt {longest['attempt']}" if longest.get("attempt") else ""
        return [f"{share} % went into {PHASES.get(longest['name'], longest['name'])}{where}."]
    upstream = exchange.get("upstream_ms")
    if upstream is not None and total > 0:
        return [f"{min(100, round(100 * upstream / total))} % was the backend's."]
    return []


def _meaning(exchange: Exchange) -> list[str]:
    return _in_general(exchange) + _in_detail(exchange)


def _in_general(exchange: Exchange) -> list[str]:
    if exchange.get("meaning"):
        return [str(exchange["meaning"])]
    # Several errors may have one reason: the first, most general one says what they have in common.
    kind = next((kind for kind in reasons() if kind.reason == exchange.get("reason")), None)
    return [] if kind is None else [" ".join((kind.__doc__ or "").split("\n\n")[0].split())]


def _in_detail(exchange: Exchange) -> list[str]:
    """The rule that was broken, what is missing: where no attempt has said so already."""
    detail, attempts = exchange.get("detail"), exchange.get("attempts")
    told = [each.get("detail") for each in attempts] if isinstance(attempts, Sequence) else []
    return [f"In detail: {detail}"] if detail and detail not in told else []


def _advice(exchange: Exchange) -> list[str]:
    said = exchange.get("advice") or ADVICE.get(exchange.get("reason") or "", "")
    return [str(said)] if said else []


def _number(value: Any) -> float:
    return float(value) if isinstance(value, (int, float)) else 0.0
