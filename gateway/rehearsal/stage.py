"""`Stage`: one gateway in memory that is asked, and says all that is known of what it did.

Tests: `tests/rehearsal/test_stage.py`.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from gateway.config import Settings
from gateway.config.endpoint_strings import address_of
from gateway.config.schema.cases import TIME, CaseRequest, GivenAnswer
from gateway.config.schema.routes import Route
from gateway.exchange import Exchange
from gateway.memory.client import FakeClient, Received
from gateway.memory.gateway import MemoryGateway, virtual_clock
from gateway.memory.network import MemoryNetwork
from gateway.rehearsal.asked import Asked, asked_by, head_of, listener_of
from gateway.rehearsal.backends import Backends, Sent, own
from gateway.rehearsal.callers.credentials import CannotShow, Claims, Credentials, Field
from gateway.rehearsal.callers.users import with_users
from gateway.rehearsal.enclosing import enclosed
from gateway.serving.trial import Trial, tried
from gateway.transport.deadlines import INTERVAL

LONGEST: Final = 3600.0
"""Seconds of the gateway's time after which an answer is not waited for any more."""

__all__ = ["CannotShow", "Outcome", "Stage"]


@dataclass
class Outcome:
    """What became of one request.

    Attributes:
        answer: What the client got; its status is 0 where the connection ended without an answer.
        record: What is known of the exchange, in the words of the access log; empty where it came to none.
        failure: What is known of one that failed, as `/exchanges/ID` of the admin port has it; None for others.
        sent: What backends got for it, in order.
        seconds: That it took, by the gateway's clock.
        asked: What the client sent.
    """

    answer: Received
    record: dict[str, Any]
    failure: dict[str, Any] | None
    sent: list[Sent]
    seconds: float
    asked: Asked

    @property
    def own(self) -> list[Sent]:
        """What its own upstream got (`gateway.rehearsal.backends.own`)."""
        return own(self.sent, self.record.get("upstream_service"))


class Stage:
    """A gateway in memory, its backends and its callers; the same request has the same outcome each time it is made.

    Args:
        settings: The configuration.
        callers: The claims of everybody who will call.
        make_backends: What makes the backends.

    Attributes:
        settings: What the gateway goes by.
        memory: The gateway.
        backends: What it asks.

    Raises:
        gateway.config.ConfigError: Something that the configuration names cannot be used.
    """

    def __init__(
        self, settings: Settings, callers: Sequence[Claims] = (), make_backends: type[Backends] = Backends
    ) -> None:
        self._credentials = Credentials(enclosed(settings), callers)
        self.settings = self._credentials.settings
        self._routes = {route.name: route for route in self.settings.routes}
        network = MemoryNetwork(virtual_clock())
        self._clock = network.clock
        self._began, self._zero = TIME, self._clock.seconds()
        self.backends = make_backends(self.settings, network, self._credentials.servers)
        auth = self.settings.auth
        with with_users(None if auth is None else auth.basic, callers) as basic:
            known = auth if auth is None else auth.model_copy(update={"basic": basic})
            made = self.settings.model_copy(update={"auth": known})
            self.memory = MemoryGateway(made, network, random.Random(1), self.wall_clock)  # noqa: S311  # the same each time
        self.memory.start()
        network.pump()

    def wall_clock(self) -> float:
        """Return Unix seconds, as the gateway has them."""
        return self._began + self._clock.seconds() - self._zero

    def begin(self, time: float, answers: Mapping[str, Sequence[GivenAnswer]]) -> None:
        """Say when it is, and what backends do from now on.

        Args:
            time: Unix seconds.
            answers: By upstream.
        """
        self._began, self._zero = time, self._clock.seconds()
        self.backends.give(answers)

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.memory.advance(seconds)

    def route(self, request: CaseRequest) -> tuple[Route | None, Trial]:
        """Return which route would take a request, and why; nothing is sent and nothing is counted."""
        endpoints = {one.name: one.endpoint for one in self.settings.listeners}
        tree = self.memory.parts.root.tree.at(address_of(endpoints[self.listener(request)]))
        trial = tried(tree, head_of(request))
        return None if trial.route is None else self._routes.get(trial.route.name), trial

    def listener(self, request: CaseRequest) -> str:
        """Return the name of the listener that a request comes in by."""
        return listener_of(request, self.settings)

    def ask(self, request: CaseRequest, claims: Claims | None = None) -> Outcome:
        """Make a request on a connection of its own, and wait for what becomes of it.

        Args:
            request: What is asked.
            claims: Who asks; a credential for them is shown as the route wants it.

        Raises:
            CannotShow: The route wants one that cannot be made up.
        """
        shown: tuple[list[Field], list[Field]] = ([], [])
        certificate = None
        if claims is not None:
            route, _ = self.route(request)
            auth = None if route is None else route.auth
            now, foundation = self.wall_clock(), self.memory.parts.foundation
            certificate = self._credentials.certificate(auth, claims, now)
            shown = self._credentials.show(auth, claims, now, foundation, certificate is not None)
        self._credentials.calls(claims)
        before, lines, begun = len(self.backends.sent), len(self.memory.log.lines), self._clock.seconds()
        client = FakeClient()
        secure = request.url.startswith("https:") or certificate is not None
        self.memory.accept(client, request.client, self.listener(request), secure, certificate)
        asked = asked_by(request, *shown)
        client.send(asked.octets)
        self.memory.network.pump()
        answer = self._answer(client, request.method.encode())
        seconds = self._clock.seconds() - begun
        client.close()
        self.memory.network.pump()
        record = _last(self.memory.log.lines[lines:])
        failure = self.memory.parts.foundation.failures.find(str(record.get("request_id")))
        return Outcome(answer, record, failure, self.backends.sent[before:], seconds, asked)

    def closed_off(self) -> set[str]:
        """Return the names of the upstreams whose breaker has kept out a request until now."""
        upstreams = self.memory.parts.root.tree.upstreams.values()
        return {one.name for one in upstreams if one.condition is not None and one.condition.rejected}

    def steps(self, outcome: Outcome) -> list[str]:
        """Return the names of the steps of the route that took a request, from the client inwards."""
        kept = self.memory.parts.root.tree.kept.routes.get(str(outcome.record.get("route")))
        return [] if kept is None else kept.leaf.steps

    def _answer(self, client: FakeClient, method: bytes) -> Received:
        """Turn the clock until the answer is there."""
        waited, seen = 0.0, -1
        while True:
            octets, over = client.received, client.closed is not None or client.end_of_input
            if len(octets) != seen or over:
                seen = len(octets)
                found = client.responses(method)
                if found and found[0].complete:
                    return found[0]
                if over or waited >= LONGEST:
                    return found[0] if found else Received()
            elif waited >= LONGEST:
                return Received()
            self.memory.advance(INTERVAL)
            waited += INTERVAL


def exchange_of(client: FakeClient) -> Exchange | None:
    """Return the exchange under way on the connection of a client."""
    transport = client.transport
    channel = None if transport is None else transport.other.protocol  # type: ignore[attr-defined]
    channel = getattr(channel, "channel", channel)  # behind the one that finds out which version is spoken
    return getattr(getattr(channel, "life", None), "exchange", None)


def _last(lines: Sequence[bytes]) -> dict[str, Any]:
    return json.loads(lines[-1]) if lines else {}
