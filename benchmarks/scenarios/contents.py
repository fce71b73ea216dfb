"""What it costs to change contents: JSON rewritten each way, answers compressed."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks import wrk
from benchmarks.contents import CHANGED, CHANGED_PATH, DOCUMENT, LIST, LIST_PATH
from benchmarks.figures import Outcome
from benchmarks.processes import CannotStart
from benchmarks.progress import warn
from benchmarks.proxies.base import Proxy
from benchmarks.proxies.compressing import Compressing, CompressingEnvoy, CompressingNginx
from benchmarks.proxies.envoy import Envoy
from benchmarks.proxies.gateway import gateways
from benchmarks.proxies.nginx import Nginx
from benchmarks.proxies.rewriting import Rewriting, ScriptedNginx
from benchmarks.scenarios.load import Load
from benchmarks.stand import NO_ANSWER, Drive, Running, Stand, ask
from benchmarks.workload import fields

_JSON = [*fields(), ("Content-Type", "application/json")]
_GZIP = [(name, "gzip" if name == "Accept-Encoding" else value) for name, value in fields()]


@dataclass(frozen=True)
class _Posts(Load):
    """A load that sends the document."""

    def drive(self, stand: Stand) -> Drive:
        """Return what loads a proxy."""
        lua = stand.lua(self.name, wrk.script(_JSON, "POST", body=DOCUMENT))
        return lambda one, seconds: wrk.run(one.task.url(self.path), lua, seconds, self.connections)

    @property
    def content(self) -> bytes:
        """The document."""
        return DOCUMENT


@dataclass(frozen=True)
class _Compressed(Load):
    """A load whose answers must be compressed."""

    def _does_it(self, stand: Stand, one: Running) -> bool:
        try:
            status, got = ask(one.task, self.path, dict(self.headers or ()))
            if status != 200 or not got.startswith(b"\x1f\x8b") or gzip.decompress(got) != LIST:
                raise CannotStart(f"answered {self.path} with {status} and {len(got)} bytes: {got[:20]!r}")
        except (*NO_ANSWER, CannotStart) as error:
            warn(f"{one.proxy.name}: does not do {self.name}: {error}")
            return False
        return True


@dataclass(frozen=True)
class TransformBody:
    """A document rewritten each way, beside nginx with a script."""

    name: str = "transform-body"

    def run(self, stand: Stand, proxies: Sequence[Proxy]) -> Outcome:
        """Measure in interleaved rounds."""
        title = "2 kB of JSON each way, two members taken out and one put in, each way"
        load = _Posts(self.name, title, CHANGED_PATH, CHANGED, headers=_JSON)
        return load.run(stand, rewriting(proxies))


@dataclass(frozen=True)
class Compress:
    """A list compressed, beside nginx and Envoy."""

    name: str = "compress"

    def run(self, stand: Stand, proxies: Sequence[Proxy]) -> Outcome:
        """Measure in interleaved rounds."""
        load = _Compressed(self.name, "answers of 16 kB of JSON, compressed by gzip", LIST_PATH, headers=_GZIP)
        return load.run(stand, compressing(proxies))


def rewriting(proxies: Sequence[Proxy]) -> list[Proxy]:
    """Return the gateways and nginx with what changes contents."""
    found: list[Proxy] = [Rewriting(f"{gateway.name}+bodies", gateway.checkout) for gateway in gateways(proxies)]
    return found + [ScriptedNginx() for proxy in proxies if isinstance(proxy, Nginx)]


def compressing(proxies: Sequence[Proxy]) -> list[Proxy]:
    """Return the gateways, nginx and Envoy with what compresses."""
    found: list[Proxy] = [Compressing(f"{gateway.name}+gzip", gateway.checkout) for gateway in gateways(proxies)]
    found += [CompressingNginx() for proxy in proxies if isinstance(proxy, Nginx)]
    return found + [CompressingEnvoy() for proxy in proxies if isinstance(proxy, Envoy)]
