"""The scenarios that change contents."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks.contents import CHANGED, CHANGED_PATH, DOCUMENT, LIST
from benchmarks.proxies.base import Proxy
from benchmarks.proxies.envoy import Envoy
from benchmarks.proxies.gateway import Gateway
from benchmarks.proxies.nginx import Nginx
from benchmarks.proxies.rewriting import RULES
from benchmarks.scenarios.contents import compressing, rewriting
from benchmarks.workload import Task
from gateway.config import from_mapping
from gateway.memory.backend import ok
from gateway.testing import Harness


def test_the_same_is_done_by_those_that_can(tmp_path: Path) -> None:
    """Bodies by nginx's script; compression by Envoy's filter too."""
    proxies: list[Proxy] = [Gateway("gateway", tmp_path), Nginx(), Envoy()]
    assert [proxy.name for proxy in rewriting(proxies)] == ["gateway+bodies", "nginx+bodies"]
    assert [proxy.name for proxy in compressing(proxies)] == ["gateway+gzip", "nginx+gzip", "envoy+gzip"]


def test_the_gateway_takes_what_is_written_for_it(tmp_path: Path) -> None:
    """One route has rules, so that the first request of all is answered as everywhere; compression is for all."""
    task = Task(8080, 9090, 9001, tmp_path)
    (bodies, *_), (gzip, *_) = rewriting([Gateway("gateway", tmp_path)]), compressing([Gateway("gateway", tmp_path)])
    assert isinstance(bodies, Gateway)
    assert isinstance(gzip, Gateway)
    changing, other = from_mapping(bodies.configuration(task)).routes
    assert (changing.path, other.transformations) == ((CHANGED_PATH,), None)
    compression = from_mapping(gzip.configuration(task)).compression
    assert compression is not None
    assert compression.algorithms == ("gzip",)


def test_the_rules_make_of_the_document_what_is_expected() -> None:
    """To the octet, each way."""
    route = {"path": "/orders/*", "upstream": "orders", "transformations": {"request": RULES, "response": RULES}}
    harness = Harness("orders", routes=[route])
    backend = harness.backend("orders")
    backend.answer = lambda asked: ok(DOCUMENT, (b"Content-Type", b"application/json"))
    answer = harness.request("POST", "/orders/7", {"Content-Type": "application/json"}, DOCUMENT)
    assert (backend.requests[-1].body, answer.body) == (CHANGED, CHANGED)


def test_contents_are_as_large_as_is_said() -> None:
    """2 and 16 kB; nginx takes no longer line in its configuration than 4 KiB."""
    assert 1900 < len(DOCUMENT) < 2100
    assert 16_000 < len(LIST) < 16_500
    assert json.loads(LIST)
    assert b"'" not in DOCUMENT
