"""What a kept answer costs: the gateway beside itself without a cache, and beside nginx with its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.figures import Outcome
from benchmarks.progress import warn
from benchmarks.proxies.base import Proxy
from benchmarks.proxies.caching import Caching, CachingNginx
from benchmarks.proxies.gateway import gateways
from benchmarks.proxies.nginx import Nginx
from benchmarks.scenarios.load import Load
from benchmarks.stand import NO_ANSWER, Running, Stand, ask
from benchmarks.workload import KEPT_PATH, KEPT_SIZE, fields


@dataclass(frozen=True)
class Hits(Load):
    """A load of which it is known whether the backend answered it: it says something else each time."""

    def _does_it(self, stand: Stand, one: Running) -> bool:
        """See that a proxy with a cache gives what it kept, and that one without does not."""
        try:
            answers = [ask(one.task, self.path, dict(self.headers or ())) for _ in range(3)]
        except NO_ANSWER as error:
            warn(f"{one.proxy.name}: does not do {self.name}: {error}")
            return False
        fault = misfit(one.proxy.name, answers)
        if fault:
            warn(f"{one.proxy.name}: does not do {self.name}: {fault}")
        return not fault


def misfit(name: str, answers: Sequence[tuple[int, bytes]]) -> str:
    """Return what speaks against status and content that a proxy gave three times; empty for nothing."""
    if {(status, len(content)) for status, content in answers} != {(200, KEPT_SIZE)}:
        return f"its answers are not of {KEPT_SIZE} octets: {answers[0]!r}"
    contents = len({content for _, content in answers})
    wanted = 1 if name.endswith("+cache") else len(answers)
    return "" if contents == wanted else f"it gave {contents} contents to {len(answers)} requests, expected {wanted}"


@dataclass(frozen=True)
class CacheHit:
    """One answer of 1 kB again and again, with a cache and without."""

    name: str = "cache-hit"

    def run(self, stand: Stand, proxies: Sequence[Proxy]) -> Outcome:
        """Measure in interleaved rounds."""
        load = Hits(self.name, "1 kB answers, kept (+cache) and not", KEPT_PATH, headers=fields())
        return load.run(stand, with_caches(proxies)) if gateways(proxies) else Outcome()


def with_caches(proxies: Sequence[Proxy]) -> list[Proxy]:
    """Return every gateway without a cache and with one, and nginx likewise."""
    found: list[Proxy] = []
    for gateway in gateways(proxies):
        found += [gateway, Caching(f"{gateway.name}+cache", gateway.checkout)]
    for proxy in proxies:
        if isinstance(proxy, Nginx):
            found += [proxy, CachingNginx()]
    return found
