"""A whole gateway, its clients and its backends, and one seed that draws everything that happens.

The snapshot, the chain, the forwarder, breakers, retries, balancers and pools
are the real ones, over `gateway.testing`'s clock and network. What is written
to backends is looked at in that moment (`wire`), everything else after every
step (`invariants`); at the end all recover, and every client that is still
there must have its answers.

    make simulate                              thousands of seeds
    make simulate ARGS="--seed 1234 --trace"   one of them again, step by step
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from twisted.logger import capturedLogs

from gateway.config import Settings
from gateway.config.schema.routes import Route
from gateway.resilience.latencies import Latencies
from gateway.testing import Harness
from tests.http2.client import Http2Client
from tests.simulation import beside, changing, drawn, found, invariants, meddling, rules, shared
from tests.simulation.backends import SIZES, Backends, content
from tests.simulation.http2_backends import Http2Backends
from tests.simulation.talks import Http2Talk, Talk
from tests.simulation.wire import Wire


class World:
    """One run.

    Args:
        seed: Draws everything.

    Attributes:
        trace: What was done, a line a step.
        routes_seen: Routes of all configurations so far.
        bodies: Content of the requests that have some, by target.
        budgets: Of the routes' retries; drawn once, so that the sum over a run can be checked.
        reloads: Configurations so far.
        wire: What the gateway writes.
    """

    def __init__(self, seed: int) -> None:
        self.chance = chance = random.Random(seed)
        self.ports = [9001 + number for number in range(chance.randint(1, 4))]
        # In most runs there is none of it: `h2` takes its time, and HTTP/1.1 has as much to be looked at.
        self.clients_of_http2 = chance.random() < 0.4
        of_http2 = chance.random() < 0.3
        self.of_http2 = [port for port in self.ports if of_http2 and chance.random() < 0.6]
        names = [str(port) for port in self.ports]
        self.asks_beside = beside.happens(seed)
        self.shares = shared.shares(seed)
        self._meddling = random.Random(f"what plugins {seed}") if meddling.happens(seed) else None
        self.registry = found.Registry(seed)
        self.changing = changing.Changing(seed)
        self.budgets = drawn.Budgets(
            chance.choice((0.0, 0.2, 1.0)), chance.choice((0, 1, 3)), chance.choice((0.2, 1.0))
        )
        self.reloads = 1
        self.bodies: dict[bytes, bytes] = {}
        upstreams, routes, plugins = self._draw()
        self.harness = Harness(
            *names,
            seed=seed,
            disorder=True,
            upstreams=upstreams,
            routes=routes,
            plugins=plugins,
            **drawn.settings(chance),
        )
        self.registry.recover(self.harness)
        self.sizes = beside.Sizes()
        of_http1 = [str(port) for port in self.ports if port not in self.of_http2]
        self.backends = Backends(chance, [self.harness.backend(name) for name in of_http1], self.sizes)
        self.http2_backends = Http2Backends(
            chance, self.harness.network, self.of_http2, self.sizes, self.backends.delivered
        )
        self.talks: list[Talk] = []
        self.routes_seen: list[Route] = []
        self._know_what_is_usual()
        self.began = self.harness.clock.seconds()
        self.trace = [*(f"upstream {upstream}" for upstream in upstreams), *(f"route {route}" for route in routes)]
        self.wire = Wire(self)
        self._number = 0
        self._acts: list[Callable[[], str]] = [
            self._connect,
            *[self._ask] * 5,
            self._rush,
            *[self._send_on] * 2,
            self._leave,
            self._read,
            *[self._of_http2] * 2,
            *[self.backends.pay] * 4,
            *[self.backends.change] * 2,
            self.backends.disturb,
            *[self.http2_backends.pay] * 2,
            self.http2_backends.change,
            self.http2_backends.disturb,
            *[self._wait] * 2,
        ]

    def run(self, steps: int) -> None:
        """Let so many things happen, then let all end well; raises AssertionError where something is wrong."""
        with capturedLogs() as events:
            for _ in range(steps):
                begun = len(self.trace)
                act = self._reload if self.chance.random() < 0.03 else self.chance.choice(self._acts)
                done = act()
                beside_it = [self.registry.maybe_change(self.harness), self.changing.maybe_change(self)]
                done = ", ".join(filter(None, [done, *beside_it]))
                if done:
                    self.trace.insert(begun, f"{self.elapsed:8.2f} {done}")
                self._let_pass(self.chance.choice((0, 3, 20, 1_000_000, 1_000_000)))
                invariants.after_each_step(self)
                found.looked_at(self.harness)
            self._end()
        # Plugins fail on purpose.
        ours = [event for event in events if not str(event.get("log_namespace")).startswith("gateway.plugin.")]
        failures = [event for event in ours if "log_failure" in event]
        assert not failures, failures[0]["log_failure"].getTraceback()

    def _end(self) -> None:
        self.registry.recover(self.harness)
        for _ in range(8):
            for talk in self.talks:
                if talk.client.closed is None:
                    talk.read_all()
                    if talk.left and not talk.gone:
                        talk.send_all()
            self.backends.recover()
            self.http2_backends.recover()
            self.harness.network.pump()
            self.harness.advance(16)
        invariants.when_all_is_answered(self)
        self.harness.hang_up()
        self.harness.gateway.foundation.carried.stopService()
        self.harness.advance(46)
        invariants.when_all_is_over(self)

    @property
    def honours_keys(self) -> bool:
        """Whether any configuration so far lets requests with an Idempotency-Key be sent twice."""
        return any(route.retry is not None and route.retry.idempotency_key for route in self._seen())

    @property
    def changes_contents(self) -> bool:
        """Whether any configuration so far has rules for contents."""
        changes = [route.transformations for route in self._seen()]
        return any(one is not None and (one.request.body.any or one.response.body.any) for one in changes)

    def _seen(self) -> list[Route]:
        seen = self.routes_seen
        seen.extend(route for route in self.harness.gateway.root.tree.settings.routes if route not in seen)
        return seen

    @property
    def elapsed(self) -> float:
        """Seconds since it began."""
        return self.harness.clock.seconds() - self.began

    def _draw(self) -> tuple[list[dict[str, Any]], list[dict[str, Any]], list[dict[str, Any]]]:
        upstreams = drawn.upstreams(self.chance, self.ports, self.of_http2)
        routes = [drawn.route(self.chance, name, self.budgets, self.shares) for name in ("a", "b")]
        if self.asks_beside:
            beside.draw(self.chance, upstreams, routes)
        self.registry.draw(upstreams)
        plugins = [] if self._meddling is None else meddling.draw(self._meddling, routes)
        return upstreams, routes, plugins

    def _let_pass(self, turns: int) -> None:
        """Let the network do so much: what is under way then is so when the next thing happens."""
        for _ in range(turns):
            if not self.harness.network.turn():
                return

    # What clients do.

    def _connect(self) -> str:
        address = f"192.0.2.{self.chance.randint(1, 9)}"
        if not self.clients_of_http2 or self.chance.random() < 0.4:
            self.talks.append(Talk(self.harness.client(address)))
            return "a client comes"
        window = self.chance.choice((100, 65_535, 1_000_000))
        client = Http2Client(window)
        self.harness.memory.accept(client, address)
        self.talks.append(Http2Talk(client, self.chance))
        return f"a client of HTTP/2 comes, with windows of {window}"

    def _some_talk(self) -> Talk | None:
        talks = [talk for talk in self.talks if talk.client.closed is None and not talk.gone]
        return self.chance.choice(talks) if talks else None

    def _ask(self) -> str:
        talk = self._some_talk()
        if talk is None:
            return self._connect()
        many = isinstance(talk, Http2Talk)
        if talk.left and not many:
            return ""
        lines = []
        for _ in range(self.chance.choice((1, 1, 1, 2, 8) if many else (1, 1, 1, 2))):
            method, target, fields, body = self._request(many, talk)
            talk.ask(method, target, fields, body)
            lines.append(f"{method.decode()} {target.decode()}")
        whole = len(talk.left)
        if whole and self.chance.random() < 0.3:
            talk.send(self.chance.randint(1, whole))
        else:
            talk.send_all()
        return f"client {self.talks.index(talk)}: {', '.join(lines)}; {len(talk.left)} octets later"

    def _rush(self) -> str:
        """Many ask for the same at once: what is counted while it is under way is counted then."""
        talks = [Talk(self.harness.client()) for _ in range(5)]
        self.talks += talks
        for talk in talks:
            if self.shares:
                talk.who = shared.caller(self.chance)
                talk.ask(*shared.request(self.chance, b"a", talk.who, self.sizes, SIZES))
                talk.send_all()
                continue
            self._number += 1
            target = b"/a/%d" % self._number
            self.sizes[target] = 40
            talk.ask(b"GET", target, [], None)
            talk.send_all()
        return f"five clients, up to /a/{self._number}"

    def _request(self, http2: bool, talk: Talk) -> tuple[bytes, bytes, list[tuple[bytes, bytes]], bytes | None]:
        """Draw method, target, fields and content of a request."""
        if self.shares and self.chance.random() < 0.8:
            talk.who = talk.who or shared.caller(self.chance)
            route = self.chance.choice((b"a", b"b"))
            return shared.request(self.chance, route, talk.who, self.sizes, SIZES)
        self._number += 1
        if self.asks_beside and self.chance.random() < 0.25:
            return beside.request(self.chance, self._number, self.sizes)
        target = b"/%b/%d" % (self.chance.choice((b"a", b"b")), self._number)
        self.sizes[target] = self.chance.choice(SIZES)
        method = self.chance.choice((b"GET", b"GET", b"GET", b"HEAD", b"POST", b"POST", b"PATCH", b"PUT", b"DELETE"))
        if method == b"GET" and self.chance.random() < 0.1 and not http2:
            return method, target, [(b"Connection", b"Upgrade"), (b"Upgrade", b"echo")], None
        if method not in (b"POST", b"PATCH", b"PUT"):
            return method, target, [], None
        fields = [(b"Idempotency-Key", target)] if self.chance.random() < 0.4 else []
        body = content(target, self.chance.choice(SIZES))
        if self.chance.random() < 0.3:
            body = rules.as_json(body)
            fields.append(rules.JSON)
        self.bodies[target] = body
        if self.chance.random() < 0.5:
            return method, target, [*fields, (b"Content-Length", b"%d" % len(body))], body
        return method, target, [*fields, (b"Transfer-Encoding", b"chunked")], body

    def _send_on(self) -> str:
        talk = self._some_talk()
        if talk is None or not talk.left:
            return ""
        cut = self.chance.randint(1, 100_000 if isinstance(talk, Http2Talk) else len(talk.left))
        talk.send(cut)
        return f"client {self.talks.index(talk)} sends {cut} octets more"

    def _leave(self) -> str:
        talk = self._some_talk()
        if talk is None:
            return ""
        how = self.chance.choice(["reset", "close", "half_close"])
        talk.gone, talk.left, talk.client.half_open = True, b"", True
        getattr(talk.client, how)()
        return f"client {self.talks.index(talk)}: {how}"

    def _read(self) -> str:
        talk = self._some_talk()
        if talk is None:
            return ""
        how = self.chance.choice(["stop_reading", "read_on", "read_on"])
        getattr(talk.client, how)()
        return f"client {self.talks.index(talk)}: {how}"

    def _of_http2(self) -> str:
        """Something that only HTTP/2 has."""
        talks = [one for one in self.talks if isinstance(one, Http2Talk) and one.client.closed is None and not one.gone]
        if not talks:
            return ""
        talk = self.chance.choice(talks)
        how = self.chance.choice([talk.cancel, talk.cancel, talk.stall, talk.stall, talk.stall, talk.ping, talk.leave])
        done = how()
        if how == talk.leave:
            talk.gone = True
        return f"client {self.talks.index(talk)} {done}" if done else ""

    # What time and the operator do.

    def _wait(self) -> str:
        seconds = self.chance.choice((0.1, 0.3, 1.1, 4))
        self.harness.advance(seconds)
        return f"{seconds} s pass"

    def _reload(self) -> str:
        upstreams, routes, plugins = self._draw()
        self.reloads += 1
        self.harness.apply(upstreams=upstreams, routes=routes, plugins=plugins)
        self._know_what_is_usual()
        return f"reload: {upstreams}, {routes}"

    def puts(self, settings: Settings) -> None:
        """Put settings into force."""
        self.reloads += 1
        self.harness.memory.apply(settings)
        self._know_what_is_usual()

    def _know_what_is_usual(self) -> None:
        """Let routes hedge from the start: a run has too few answers to find a percentile of them."""
        for thing in self.harness.gateway.foundation.carried._things.values():
            if isinstance(thing, Latencies):
                thing.value = 0.2
