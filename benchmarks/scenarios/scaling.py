"""Two instances of two processes on one Redis: what they ask it, whether limits hold, how fast all know of something.

What is computed from it for a hundred instances is in `benchmarks.scenarios.hundred`; `docs/scaling.md` has both.
"""

from __future__ import annotations

import http.client
import json
import math
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import jwt

from benchmarks import redis, wrk
from benchmarks.callers import Caller, all_answer, one_for_each
from benchmarks.etcd import etcd, watches
from benchmarks.figures import Outcome
from benchmarks.processes import CannotStart
from benchmarks.progress import say, warn
from benchmarks.proxies.base import Proxy
from benchmarks.proxies.changing import TOKEN
from benchmarks.proxies.gateway import Gateway, gateways
from benchmarks.proxies.instances import BOUND, LEASES, WINDOW, WORKERS, Instance
from benchmarks.proxies.several import await_workers
from benchmarks.redis import redis_settings
from benchmarks.scenarios.hundred import Found, computed, limits, rest
from benchmarks.stand import NO_ANSWER, Running, Stand
from benchmarks.workload import TOKEN_SECRET, Headers, claims

_INSTANCES = 2
_CONNECTIONS = 8 * WORKERS
"""To each instance."""

_REVOCATIONS = 20
_CHANGES = 10


class Scaling:
    """The gateway, as instances that share what has to be one."""

    name = "scaling"

    def run(self, stand: Stand, proxies: Sequence[Proxy]) -> Outcome:
        """Measure the first gateway among the proxies: the compiled one, where it is there."""
        outcome = Outcome()
        for plain in gateways(proxies)[:1]:
            try:
                found = _measure(stand, plain)
            except (*NO_ANSWER, CannotStart, wrk.LoadFailed, RuntimeError) as error:
                warn(f"{plain.name}: cannot be measured: {error}")
                continue
            if found is not None:
                prefix = f"{self.name}.{plain.name}"
                outcome.figures |= {f"{prefix}.over": float(found.over), f"{prefix}.failed": float(found.failed)}
                outcome.raw[plain.name] = found.raw()
                outcome.tables += [limits(found), rest(found), *computed(found)]
        return outcome


def _measure(stand: Stand, plain: Gateway) -> Found | None:
    with redis_settings(stand) as store, etcd(stand) as documents:
        if store is None:
            return None
        one = Instance(plain.name, plain.checkout, store, documents)
        with stand.started([one] * _INSTANCES) as running:
            if len(running) < _INSTANCES:
                return None
            for instance in running:
                await_workers(instance, WORKERS)
            found = Found(_INSTANCES * WORKERS)
            url = store["redis"]["url"]
            _ask_for_all(stand, running, url, found)
            found.connections = int(redis.info(url, "clients")["connected_clients"]) - 1
            with one_for_each(running, WORKERS) as callers:
                found.revoked = [_revoke(running[turn % 2], callers, turn) for turn in range(_REVOCATIONS)]
                say(f"  scaling  {len(found.revoked)} tokens revoked")
                if documents is not None:
                    found.watches = watches(documents)
                    turns = range(1, _CHANGES + 1)
                    found.changed = [_change(one, running[0], callers, turn, stand.headers) for turn in turns]
                    say(f"  scaling  {len(found.changed)} changes")
            return found


def _ask_for_all(stand: Stand, running: Sequence[Running], url: str, found: Found) -> None:
    """Load the routes with limits."""
    plain = stand.lua("scaling", wrk.script(stand.headers))
    for lease in LEASES:
        before = Asked.of(url)
        loads = _loaded(stand, running, f"lease-{lease}", plain)
        asked = Asked.of(url) - before
        found.asked[lease] = sum(load.requests for load in loads), asked.questions
        found.failed += sum(load.failed for load in loads)
        if lease == 1 and asked.questions:
            found.script, found.cpu = asked.script / asked.questions, asked.cpu / asked.questions
        say(f"  scaling  lease {lease}: {found.asked[lease][0]:,} requests, {asked.questions:,} questions")

    before, began = Asked.of(url), time.monotonic()
    loads = _loaded(stand, running, "bounded", plain)
    requests = sum(load.requests for load in loads)
    passed = requests - sum(load.failed for load in loads)
    found.seconds = time.monotonic() - began
    found.allowed = allowed(found.seconds)
    found.bound = requests, passed, (Asked.of(url) - before).questions
    say(f"  scaling  {passed:,} of {requests:,} passed, at most {found.allowed:,} may")

    numbered = stand.lua("scaling-callers", wrk.script(stand.headers, numbered="X-Caller"))
    keys, memory = _kept(url)
    loads = _loaded(stand, running, "counted", numbered)
    found.failed += sum(load.failed for load in loads)
    more, most = _kept(url)
    found.key = (most - memory) / (more - keys) if more > keys else 0.0
    say(f"  scaling  {more - keys:,} callers counted")


def allowed(seconds: float) -> int:
    """Return how many requests a full bucket lets pass in a time."""
    return BOUND + math.ceil(seconds * BOUND / WINDOW)


def _loaded(stand: Stand, running: Sequence[Running], route: str, lua: Path) -> list[wrk.Load]:
    """Load all instances at the same time."""
    with ThreadPoolExecutor(len(running)) as pool:
        urls = [one.task.url(f"/api/{route}/42") for one in running]
        return list(pool.map(lambda url: wrk.run(url, lua, stand.seconds, _CONNECTIONS), urls))


@dataclass(frozen=True)
class Asked:
    """What Redis has done so far, or in between.

    Attributes:
        questions: Scripts that it was asked to run.
        script: Seconds in them.
        cpu: Seconds of the processor, in all.
    """

    questions: int
    script: float
    cpu: float

    @classmethod
    def of(cls, url: str) -> Asked:
        """Ask it."""
        commands, processor = redis.info(url, "commandstats"), redis.info(url, "cpu")
        told = [
            dict(part.split("=") for part in commands.get(f"cmdstat_{name}", "").split(",") if part)
            for name in ("eval", "evalsha")
        ]
        return cls(
            sum(int(one.get("calls", 0)) for one in told),
            sum(int(one.get("usec", 0)) for one in told) / 1e6,
            float(processor["used_cpu_user"]) + float(processor["used_cpu_sys"]),
        )

    def __sub__(self, earlier: Asked) -> Asked:
        return Asked(self.questions - earlier.questions, self.script - earlier.script, self.cpu - earlier.cpu)


def _kept(url: str) -> tuple[int, int]:
    """Return how many keys Redis has, and how many octets it takes."""
    return int(redis.ask(url, "DBSIZE")), int(redis.info(url, "memory")["used_memory"])


def _revoke(instance: Running, callers: Sequence[Caller], turn: int) -> float:
    """Revoke a token at one instance; returns how long it takes until all processes refuse it, in seconds."""
    token = jwt.encode({**claims(), "jti": f"token-{turn}"}, TOKEN_SECRET, algorithm="HS256")
    fields = {"Authorization": f"Bearer {token}"}
    all_answer(callers, "/api/mine/42", fields, 200)
    admin = http.client.HTTPConnection("127.0.0.1", instance.task.admin_port, timeout=30)
    try:
        began = time.monotonic()
        said = json.dumps({"jti": f"token-{turn}"})
        admin.request("POST", "/auth/revocations", said, {"Authorization": f"Bearer {TOKEN}"})
        answer = admin.getresponse()
        if answer.status != 200:
            raise RuntimeError(f"{instance.proxy.name}: {answer.status} {answer.read()!r}")
        return all_answer(callers, "/api/mine/42", fields, 401) - began
    finally:
        admin.close()


def _change(one: Instance, instance: Running, callers: Sequence[Caller], version: int, headers: Headers) -> float:
    """Write another configuration; returns how long it takes until all processes have it, in seconds."""
    began = time.monotonic()
    one.write(instance.task, version)
    return all_answer(callers, f"/api/changed-{version}/42", dict(headers), 200) - began
