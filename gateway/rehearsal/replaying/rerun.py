"""`Rerun`: the requests of a log go through one gateway in memory, at the moments when they came.

Note [The clock of a rerun]

Requests overlap as they did: each is sent when the log says that it began, on a connection of its own, and its backend
answers after the time that the log has, while others are on their way. So limits, queues, breakers and timeouts see
what they would have seen. The clock goes from one thing that is due to the next; while nobody waits, it jumps.

Tests: `tests/rehearsal/replaying/test_rerun.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

import orjson

from gateway.config import Settings
from gateway.config.schema.auth import RouteAuth
from gateway.config.schema.cases import CLIENT
from gateway.headers import Headers
from gateway.memory.backend import Asked
from gateway.memory.client import Received
from gateway.recorded.request import Recorded
from gateway.rehearsal.backends import own
from gateway.rehearsal.callers.credentials import LIFETIME, CannotShow, Claims, Field
from gateway.rehearsal.callers.recorded import Callers
from gateway.rehearsal.replaying.answered import Answered, Fields, kept
from gateway.rehearsal.replaying.destinations import ANY_HOST, Destinations
from gateway.rehearsal.replaying.recalling import Client, Pending, Recalling
from gateway.rehearsal.stage import Stage, exchange_of
from gateway.transport.deadlines import INTERVAL

PATIENCE: Final = 600.0
"""Seconds of the gateway's time after which an answer is not waited for any more."""

_FRESH: Final = LIFETIME / 2
"""Seconds for which a credential that was shown is shown again."""

_SEVERAL: Final = 10_000
"""Credentials by caller that are kept."""


class Rerun(Stage):
    """One gateway, through which the requests of a log are taken.

    Args:
        settings: The configuration.
        callers: Who made the requests.
        others: Configurations whose routes say as well what callers were let in with.
        host: Of requests whose log has none.

    Raises:
        gateway.config.ConfigError: Something that the configuration names cannot be used.
    """

    backends: Recalling

    def __init__(
        self, settings: Settings, callers: Callers, others: Sequence[Settings] = (), host: str = ANY_HOST
    ) -> None:
        keys = settings.auth is not None and settings.auth.api_keys is not None
        super().__init__(settings, list(callers.all(settings, *others)) if keys else (), Recalling)
        self.backends.find = self._find
        self._callers = callers
        self._destinations = Destinations(self.settings, self.memory.parts.root.tree.at, host)
        self._waiting: dict[Client, Pending] = {}
        self._ids: dict[str, Pending] = {}
        self._asking: Pending | None = None
        self._heard: dict[Client, None] = {}
        self._shown: dict[tuple[str, bytes], tuple[float, list[Field], list[Field]]] = {}
        self._done: dict[int, Answered] = {}
        self._swept = self._clock.seconds()

    def take(
        self, requests: Iterable[Recorded], asked: Callable[[Recorded], RouteAuth | None] | None = None
    ) -> Iterator[Answered]:
        """Make requests, and yield what becomes of each, in their order.

        Args:
            requests: In the order in which they began.
            asked: Returns what was asked of who made a request; by default what the route asks that takes it here.
        """
        begun: float | None = None
        zero = self._clock.seconds()
        number = given = 0
        for request in requests:
            if begun is None:
                begun = request.began
                self.begin(begun, {})
                zero = self._clock.seconds()
            self._turn(zero + request.began - begun)
            self._ask(number, request, asked)
            number += 1
            while given in self._done:
                yield self._done.pop(given)
                given += 1
        while given < number:
            if given not in self._done:
                self._turn(self._clock.seconds() + INTERVAL)
                continue
            yield self._done.pop(given)
            given += 1

    # The clock: see Note [The clock of a rerun].

    def _turn(self, until: float) -> None:
        clock, network = self._clock, self.memory.network
        while (left := until - clock.seconds()) > 0:
            step = left
            if self._waiting:
                calls = clock.getDelayedCalls()
                due = calls[0].getTime() - clock.seconds() if calls else left
                step = min(left, INTERVAL, max(due, 1e-4))
            clock.advance(step)
            if clock.seconds() - self._swept >= INTERVAL - 1e-9:
                self._swept = clock.seconds()
                self.memory.parts.foundation.deadlines.sweep()
                self._lose_patience()
            network.pump()
            self._settle()

    def _lose_patience(self) -> None:
        oldest = next(iter(self._waiting.values()), None)
        if oldest is not None and self._clock.seconds() - oldest.begun > PATIENCE:
            self._end(oldest, Received())

    # One request.

    def _ask(self, place: int, request: Recorded, asked: Callable[[Recorded], RouteAuth | None] | None) -> None:
        if request.status == 101 or request.method == "CONNECT":
            self._done[place] = Answered(left_out="a tunnel: what goes through it is in no log")
            return
        try:
            listener = self._destinations.listener(request)
            fields, parameters = self._credentials_of(request, asked)
        except ValueError:
            self._done[place] = Answered(left_out="its host is no name of one")
            return
        except CannotShow as error:
            self._done[place] = Answered(left_out=str(error))
            return
        client = Client(self._hear)
        pending = client.pending = self._asking = self._waiting[client] = Pending(
            place, request, self._clock.seconds(), client
        )
        self.memory.accept(client, request.client or CLIENT, listener, self._destinations.scheme(request) == "https")
        client.send(_written(request, self._destinations.host(request), fields, parameters))
        self.memory.network.pump()
        exchange = exchange_of(client)
        if exchange is not None and exchange.request_id:
            pending.id = exchange.request_id
            self._ids[pending.id] = pending
        self._asking = None
        self._settle()

    def _credentials_of(
        self, request: Recorded, asked: Callable[[Recorded], RouteAuth | None] | None
    ) -> tuple[Sequence[Field], Sequence[Field]]:
        """Return the fields and parameters that show who calls.

        Raises:
            CannotShow: The route wants what cannot be made up.
        """
        if self.settings.auth is None:
            return (), ()
        route = self._destinations.route(request)
        own = None if route is None else route.auth
        claims = self._callers.of(request, own if asked is None else asked(request))
        self._credentials.calls(claims)
        if claims is None or own is None or route is None:
            return (), ()
        return self._credential(route.name, own, claims)

    def _credential(self, route: str, auth: RouteAuth, claims: Claims) -> tuple[list[Field], list[Field]]:
        """Return a credential, the one that was shown last time while it is fresh: to sign takes longer than to ask."""
        key, now = (route, orjson.dumps(claims)), self.wall_clock()
        if key in self._shown and now - self._shown[key][0] < _FRESH:
            return self._shown[key][1:]
        if len(self._shown) > _SEVERAL:
            self._shown.clear()
        shown = self._credentials.show(auth, claims, now, self.memory.parts.foundation)
        self._shown[key] = now, *shown
        return shown

    # What comes of it.

    def _find(self, asked: Asked) -> Pending | None:
        """Return the request that a backend was asked for: by its id, which is known once it has been sent."""
        name = asked.headers.get(b"x-request-id")
        return self._asking if name is None else self._ids.get(name.decode("latin-1"), self._asking)

    def _hear(self, client: Client) -> None:
        self._heard[client] = None

    def _settle(self) -> None:
        """End the requests whose answers are complete."""
        if not self._heard:
            return
        heard, self._heard = self._heard, {}
        records = {record["request_id"]: record for record in map(orjson.loads, self.memory.log.lines)}
        self.memory.log.lines.clear()
        for name, record in records.items():
            if name in self._ids:
                self._ids[name].record = record
        for client in heard:
            pending = client.pending
            if pending is None:
                continue
            answers = client.responses(pending.request.method.encode())
            if client.closed is not None or client.end_of_input or (answers and answers[0].complete):
                if not pending.record and answers:
                    # One that is over at once was gone before its id could be asked for: the answer has the id too.
                    name = (answers[0].headers.get(b"x-request-id") or b"").decode("latin-1")
                    pending.record = records.get(name, {})
                self._end(pending, answers[0] if answers else Received())

    def _end(self, pending: Pending, answer: Received) -> None:
        taken = self._done[pending.place] = Answered(answer.status, fields=_compared(answer.headers))
        taken.route, taken.upstream, taken.reason = (
            None if (said := pending.record.get(name)) is None else str(said)
            for name in ("route", "upstream_service", "reason")
        )
        if sent := own(pending.sent, taken.upstream):
            asked = sent[-1].asked
            taken.sent = f"{asked.method.decode('latin-1')} {asked.target.decode('latin-1')}"
            taken.sent_fields = _compared(asked.headers)
        del self._waiting[pending.client]
        self._ids.pop(pending.id, None)
        pending.client.pending = None
        pending.client.close()
        self.memory.network.pump()


def _written(request: Recorded, host: str, fields: Sequence[Field], parameters: Sequence[Field]) -> bytes:
    """Return what a client sends."""
    target = request.target
    if parameters:
        more = "&".join(f"{name}={value}" for name, value in parameters)
        target += ("&" if "?" in target else "?") + more
    lines = [f"{request.method} {target} HTTP/1.1", f"Host: {host}"]
    shown = {name.lower() for name, _ in fields} | {"host"}
    lines += [f"{name}: {value}" for name, value in request.headers if name.lower() not in shown]
    lines += [f"{name}: {value}" for name, value in fields]
    return "\r\n".join(lines).encode("utf-8", "replace") + b"\r\n\r\n"


def _compared(headers: Headers) -> Fields:
    """Return the fields of a message that are compared."""
    found = []
    for name, value in headers:
        lower = name.decode("latin-1").lower()
        counted = kept(lower, value.decode("latin-1"))
        if counted is not None:
            found.append((lower, counted))
    return tuple(sorted(found))
