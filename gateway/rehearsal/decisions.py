"""One request, and every decision about it in order, each with the key that made it.

The request is made on a stage; what is said of it is what has happened. For `gateway explain`.

Tests: `tests/rehearsal/test_decisions.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from gateway.config.loading import Loaded
from gateway.config.problems import Place
from gateway.config.schema.cases import CaseRequest
from gateway.config.schema.routes import Route
from gateway.config.summary import target
from gateway.config.written import found
from gateway.headers import Headers
from gateway.rehearsal.callers.credentials import Claims
from gateway.rehearsal.comparing import text
from gateway.rehearsal.stage import Outcome, Stage

PASSED: Final = "passed"
ENDED: Final = "ended it"
NOT_REACHED: Final = "not reached"

_KEYS: Final[dict[str, tuple[str, ...]]] = {
    "ratelimit": ("ROUTE.rate_limit", "rate_limits"),
    "authentication": ("ROUTE.auth",),
    "tunnels": ("auth.tunnels", "ROUTE.auth"),
    "ip_rules": ("ROUTE.ip_allow", "ROUTE.ip_deny", "ip_deny", "ip_allow"),
    "basic": ("auth.basic",),
    "cors": ("ROUTE.cors",),
    "compression": ("ROUTE.compression", "compression"),
    "security_headers": ("ROUTE.security_headers",),
    "grpc_web": ("ROUTE.grpc_web",),
    "body_limit": ("ROUTE.request_body", "limits.request_body"),
    "request_buffer": ("limits.request_buffer",),
    "transformation": ("ROUTE.transformations",),
    "cache": ("ROUTE.cache",),
    "mirror": ("ROUTE.mirror",),
    "sticky": ("UPSTREAM.sticky",),
    "last_good": ("UPSTREAM.circuit_breaker",),
    "load_shedding": ("limits.in_flight",),
    "admission": ("ROUTE.in_flight", "limits.in_flight"),
    "late_full": ("limits.in_flight",),
    "late_admission": ("UPSTREAM.in_flight",),
    "split_admission": ("UPSTREAM.in_flight",),
    "adaptive_concurrency": ("UPSTREAM.adaptive_concurrency",),
    "access_log": ("access_log",),
    "metrics": ("metrics",),
    "trace": ("tracing",),
    "revoked_certificates": ("auth.mtls",),
    "client_certificate": ("auth.mtls",),
    "below_base": ("UPSTREAM.backends",),
}
"""Where a step may be asked for, by the beginning of its name: the first that is written counts."""


class Decision(NamedTuple):
    """Something that was decided.

    Attributes:
        kind: `listener`, `route`, `step`, `upstream` or `answer`.
        name: Of what has decided.
        words: What was decided.
        key: That made it so; empty where nothing that is written did.
        place: Of the key; None where it is a default.
    """

    kind: str
    name: str
    words: str
    key: str = ""
    place: Place | None = None


@dataclass
class Explanation:
    """What became of a request, and why.

    Attributes:
        decisions: In order.
        considered: A line for each route that was looked at, and what else decided on it.
        difference: What the upstream got in the place of what the client sent: lines that begin with `-` or `+`, and
            with a space where they are the same. Nothing where nothing was sent.
        outcome: What the client got, and what is known of the exchange.
    """

    decisions: list[Decision]
    considered: list[str]
    difference: list[str]
    outcome: Outcome


def explain(loaded: Loaded, request: CaseRequest, claims: Claims | None, time: float) -> Explanation:
    """Make a request, and say what decided about it; every backend answers 200 with nothing.

    Args:
        loaded: The configuration, and where it is written.
        request: What is asked.
        claims: Who asks; None for only what the request shows.
        time: Unix seconds.

    Raises:
        gateway.config.ConfigError: Something that the configuration names cannot be used.
        gateway.rehearsal.callers.credentials.CannotShow: The route wants a credential that cannot be made up.
    """
    stage = Stage(loaded.settings, [] if claims is None else [claims])
    stage.begin(time, {})
    route, trial = stage.route(request)
    outcome = stage.ask(request, claims)
    decisions = list(_Teller(loaded, stage, request, outcome, route).tell())
    return Explanation(decisions, [*trial.considered, *trial.notes], list(_difference(outcome)), outcome)


class _Teller:
    """Says what decided about one request."""

    def __init__(
        self, loaded: Loaded, stage: Stage, request: CaseRequest, outcome: Outcome, route: Route | None
    ) -> None:
        self._loaded = loaded
        self._stage = stage
        self._request = request
        self._outcome = outcome
        self._route = route
        names = [one.name for one in loaded.settings.routes]
        self._route_key = "" if route is None else f"routes[{names.index(route.name)}]"
        upstream = outcome.record.get("upstream_service")
        upstreams = [one.name for one in loaded.settings.upstreams]
        self._upstream = upstream if upstream in upstreams else None
        self._upstream_key = f"upstreams[{upstreams.index(upstream)}]" if upstream in upstreams else ""

    def tell(self) -> Iterator[Decision]:
        settings = self._loaded.settings
        listener = self._stage.listener(self._request)
        number = next(place for place, one in enumerate(settings.listeners) if one.name == listener)
        words = (
            f"comes in by {settings.listeners[number].endpoint}, from {self._outcome.record.get('client_ip') or '?'}"
        )
        yield self._decision("listener", listener, words, f"listeners[{number}]")
        route = self._route
        if route is None:
            yield Decision(
                "route", "none", f"no route takes it: {self._outcome.record.get('reason') or 'its own path'}"
            )
        else:
            words = f"takes it ({route.pattern}), and leads to {target(route)}"
            yield self._decision("route", route.name, words, self._route_key)
        yield from self._steps()
        if self._upstream is not None:
            attempts = self._outcome.record.get("attempts") or 0
            words = (
                f"{attempts} attempt{'' if attempts == 1 else 's'}, the last on {self._outcome.record.get('backend')}"
            )
            yield self._decision("upstream", self._upstream, words, self._upstream_key)
        status, reason = self._outcome.answer.status, self._outcome.record.get("reason")
        yield Decision(
            "answer", str(status), reason or "as the upstream has it" if self._upstream else reason or "its own"
        )

    def _steps(self) -> Iterator[Decision]:
        """Tell of each step of the chain: those before the one that ended it have let it pass."""
        failure = self._outcome.failure
        ending = {one["step"]: one["outcome"] for one in (failure["steps"] if failure else ()) if one["failed"]}
        names, ended = self._stage.steps(self._outcome), False
        for name in names:
            if ended:
                words = NOT_REACHED
            elif name in ending:
                words, ended = f"{ENDED}: {ending[name]}", True
            else:
                words = PASSED
                if name.startswith("cache") and self._outcome.record.get("cache"):
                    words = str(self._outcome.record["cache"])
            yield self._decision("step", name, words, *self._keys(name))

    def _keys(self, name: str) -> Sequence[str]:
        """Return where a step may be asked for."""
        plugins = [one.name for one in self._loaded.settings.plugins]
        if name in plugins:
            return (f"plugins[{plugins.index(name)}]",)
        keys = next((keys for start, keys in _KEYS.items() if name.startswith(start)), ())
        known = {"ROUTE": self._route_key, "UPSTREAM": self._upstream_key}
        parts = [(key.partition(".")[0], key) for key in keys]
        return [
            known[first] + key[len(first) :] if first in known else key for first, key in parts if known.get(first, key)
        ]

    def _decision(self, kind: str, name: str, words: str, *keys: str) -> Decision:
        """Make one, with the first of the keys that is written."""
        for key in keys:
            place = self._written(key)
            if place is not None:
                return Decision(kind, name, words, key, place)
        return Decision(kind, name, words)

    def _written(self, key: str) -> Place | None:
        """Return where a key is written; None where it is not."""
        root = self._loaded.root
        place, above = found(root, key)[0], found(root, key.rpartition(".")[0])[0]
        return None if place == above else place


def _difference(outcome: Outcome) -> Iterator[str]:
    """Compare the request line and the fields of what the client sent with those of what the upstream got."""
    if not outcome.own:
        return
    asked = outcome.own[-1].asked
    came = outcome.asked
    line, sent_line = f"{came.method} {came.target} HTTP/1.1", f"{text(asked.method)} {text(asked.target)} HTTP/1.1"
    yield from [f"  {line}"] if line == sent_line else [f"- {line}", f"+ {sent_line}"]
    before, after = _lines(came.headers), _lines(asked.headers)
    for name in dict.fromkeys([*before, *after]):
        old, new = before.get(name, []), after.get(name, [])
        if old == new:
            yield from (f"  {name}: {value}" for value in old)
        else:
            yield from (f"- {name}: {value}" for value in old)
            yield from (f"+ {name}: {value}" for value in new)
    if came.content != asked.body:
        yield f"- ({len(came.content)} octets of content)"
        yield f"+ {text(asked.body)}"


def _lines(headers: Headers) -> dict[str, list[str]]:
    lines: dict[str, list[str]] = {}
    for name, value in headers:
        lines.setdefault(text(name).lower(), []).append(text(value))
    return lines
