"""Plugins from their start to their end: with the configuration, before it and after it, and with code of their own."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.config import ConfigError
from gateway.memory.backend import ok
from gateway.testing import FakeBackend, Harness
from tests import plugins
from tests.flow.test_plugins import plugin, route

Make = Callable[..., Harness]


@pytest.fixture(autouse=True)
def calls() -> list[str]:
    """What plugins were asked."""
    plugins.CALLS.clear()
    plugins.MADE.clear()
    return plugins.CALLS


def living(**config: Any) -> list[dict[str, Any]]:
    """The configuration of one plugin that notes its life."""
    return [plugin("living", "Living", config)]


def test_what_is_the_same_is_carried_over(make: Make, calls: list[str]) -> None:
    """Another timeout, another route: the same plugin. Another configuration of its own: another plugin."""
    gateway = make(plugins=living(n=1), routes=[route("living")])
    gateway.apply(plugins=[{**living(n=1)[0], "timeout": "3s", "on_error": "reject"}], routes=[route("living")])
    gateway.apply(routes=[route("living"), route("living") | {"name": "more", "path": "/more"}])
    assert calls == ["start 1"]

    gateway.apply(plugins=living(n=2))

    assert calls == ["start 1", "start 2", "stop 1"]
    gateway.get("/orders/1")
    assert calls[-1] == "request 2"


def test_a_plugin_that_no_route_names_is_stopped(make: Make, calls: list[str]) -> None:
    """It is not made either, where none ever did."""
    gateway = make(plugins=living(n=1), routes=[route()])
    assert plugins.MADE == []
    gateway.apply(routes=[route("living")])

    gateway.apply(routes=[route()])

    assert calls == ["start 1", "stop 1"]


def test_a_start_that_fails_refuses_the_configuration(make: Make, calls: list[str]) -> None:
    """All of it: what is in force stays, with its plugins; those that had started for the new one are stopped."""
    gateway = make(plugins=living(n=1), routes=[route("living")])
    fresh = [plugin("good", "Living", {"n": 2}), plugin("bad", "Living", {"n": 3, "fails": True})]

    with pytest.raises(ConfigError, match=r"plugins\[1\]\.class: bad: it did not start: RuntimeError: no licence"):
        gateway.apply(plugins=fresh, routes=[route("good", "bad")])

    assert calls == ["start 1", "start 2", "start 3", "stop 2"]
    gateway.apply(plugins=living(n=1), routes=[route("living")])
    gateway.get("/orders/1")
    assert calls[-1] == "request 1"


def test_a_plugin_that_cannot_be_made_refuses_the_configuration(make: Make) -> None:
    """With what it said."""
    with pytest.raises(ConfigError, match="broken: it could not be made: RuntimeError: no"):
        make(plugins=[plugin("broken", "Broken")], routes=[route("broken")])


def test_exchanges_wait_for_the_start_of_the_process(make: Make, calls: list[str]) -> None:
    """Ports are open before the reactor runs, and a start may take time."""
    gateway = make(plugins=living(n=1, waits=True), routes=[route("living")])
    client = gateway.send(b"GET /orders/1 HTTP/1.1\r\nHost: a\r\n\r\n")
    assert calls == ["start 1"]
    assert client.received == b""

    plugins.MADE[0].starting.callback(None)
    gateway.network.pump()

    assert calls == ["start 1", "request 1"]
    assert client.received.startswith(b"HTTP/1.1 200")


def test_a_plugin_is_stopped_when_its_last_exchange_is_over(make: Make, calls: list[str]) -> None:
    """In-flight exchanges finish on the configuration that they started with."""
    gateway = make(plugins=living(n=1), routes=[route("living")])
    gateway.backend("orders").stall()
    client = gateway.send(b"GET /orders/1 HTTP/1.1\r\nHost: a\r\n\r\n")

    gateway.apply(plugins=living(n=2))
    assert calls == ["start 1", "request 1", "start 2"]
    gateway.backend("orders").connection.send(ok())
    gateway.network.pump()

    assert client.received.startswith(b"HTTP/1.1 200")
    assert calls[-1] == "stop 1"


def test_an_exchange_that_does_not_end_does_not_keep_a_plugin_for_ever(make: Make, calls: list[str]) -> None:
    """It is stopped after 30 seconds."""
    gateway = make(plugins=living(n=1), routes=[route("living", timeout="300s")], timeouts={"request": "300s"})
    gateway.backend("orders").stall()
    gateway.send(b"GET /orders/1 HTTP/1.1\r\nHost: a\r\n\r\n")
    gateway.apply(plugins=living(n=2))

    gateway.advance(31)

    assert calls[-1] == "stop 1"


def test_services(make: Make) -> None:
    """A client over the gateway's own dialer, its clocks, metrics under a prefix, no Redis where there is none."""
    gateway = make(plugins=[plugin("a-b", "Living", {})], routes=[route("a-b")])
    services = plugins.MADE[0].services
    assert services is not None
    other = FakeBackend(gateway.network, "127.0.0.1", 9100)
    other.answer = lambda asked: ok(b"told")

    asking = services.client.get("http://127.0.0.1:9100/what", timeout=1)
    gateway.network.pump()
    reading = gateway_result(asking).content()
    gateway.network.pump()

    assert gateway_result(reading) == b"told"
    assert other.last.target == b"/what"
    assert services.clock is gateway.clock
    assert services.now() == gateway.now()
    assert services.redis is None
    assert services.logger.namespace == "gateway.plugin.a-b"
    assert services.name == "a-b"
    services.metrics.counter("questions", "Asked so far.", ["how"]).labels("well").inc(3)
    assert gateway.metric("gateway_plugin_a_b_questions_total", how="well") == 3


def gateway_result(deferred: Any) -> Any:
    """What a Deferred has fired with."""
    found: list[Any] = []
    deferred.addBoth(found.append)
    assert found, "it has not fired"
    return found[0]


def test_metrics_of_a_plugin_go_with_it(make: Make) -> None:
    """One that is made anew counts on; one that no configuration has is not shown."""
    gateway = make(plugins=living(n=1), routes=[route("living")])
    for made, n in ((0, 2), (1, 3)):
        services = plugins.MADE[made].services
        assert services is not None
        services.metrics.counter("seen", "So far.").inc()
        services.metrics.gauge("level", "Now.").set(5)
        services.metrics.histogram("size", "Of what.", buckets=(1, 2)).observe(1)
        gateway.apply(plugins=living(n=n))
    assert gateway.metric("gateway_plugin_living_seen_total") == 2
    assert gateway.metric("gateway_plugin_living_size_bucket", le="1.0") == 2

    gateway.apply(plugins=[], routes=[route()])

    assert gateway.metric("gateway_plugin_living_seen_total") == 0
    assert gateway.metric("gateway_plugin_living_level") == 0


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Write the code of a plugin, in a package of its own."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    (tmp_path / "fresh_plugin").mkdir()
    (tmp_path / "fresh_plugin" / "__init__.py").write_text("from fresh_plugin.stamp import Stamp\n")

    def write(value: str) -> None:
        (tmp_path / "fresh_plugin" / "value.py").write_text(f"VALUE = {value}\n")
        importlib.invalidate_caches()

    write("b'1'")
    (tmp_path / "fresh_plugin" / "stamp.py").write_text(
        "from fresh_plugin.value import VALUE\nfrom tests.plugins import CALLS\n\n\nclass Stamp:\n"
        "    def __init__(self, config):\n        CALLS.append('made')\n\n    def on_response(self, exchange):\n"
        "        exchange.response.headers.set(b'X-Value', VALUE)\n"
    )
    yield write
    for name in [name for name in sys.modules if name.partition(".")[0] == "fresh_plugin"]:
        del sys.modules[name]


@pytest.mark.parametrize("reload", [True, False])
def test_code_is_read_again_where_that_is_asked(make: Make, package: Callable[[str], None], reload: bool) -> None:
    """All of its package; exchanges that began before go on with what they began with."""
    stamp = {"name": "s", "class": "fresh_plugin.Stamp", "reload": reload}
    gateway = make(plugins=[stamp], routes=[route("s")])
    assert gateway.get("/orders/1").headers.get(b"x-value") == b"1"
    package("b'two'")

    gateway.apply()

    assert gateway.get("/orders/1").headers.get(b"x-value") == (b"two" if reload else b"1")


def test_code_that_is_broken_refuses_the_configuration(make: Make, package: Callable[[str], None]) -> None:
    """What was read before stays in force, and works."""
    stamp = {"name": "s", "class": "fresh_plugin.Stamp", "reload": True}
    gateway = make(plugins=[stamp], routes=[route("s")])
    package("=")

    with pytest.raises(ConfigError, match=r"plugins\[0\]\.class: expected a class that can be a plugin, found SyntaxE"):
        gateway.apply()

    assert gateway.get("/orders/1").headers.get(b"x-value") == b"1"
    package("b'three'")
    gateway.apply()
    assert gateway.get("/orders/1").headers.get(b"x-value") == b"three"


@pytest.mark.parametrize("reload", [True, False])
def test_a_plugin_that_is_read_again_is_made_anew(
    make: Make, package: Callable[[str], None], calls: list[str], reload: bool
) -> None:
    """Each time that the configuration is read."""
    gateway = make(plugins=[{"name": "s", "class": "fresh_plugin.Stamp", "reload": reload}], routes=[route("s")])

    gateway.apply()

    assert calls == ["made", "made"] if reload else ["made"]


def test_the_link_to_redis(make: Make) -> None:
    """That of the configuration; another one is another plugin's, since the old link is closed."""
    gateway = make(plugins=living(n=1), routes=[route("living")], redis={"url": "redis://127.0.0.1:6390/0"})
    first = plugins.MADE[0].services
    assert first is not None
    assert first.redis.running

    gateway.apply(redis={"url": "redis://127.0.0.1:6391/0"})

    second = plugins.MADE[1].services
    assert second is not None
    assert second.redis.running
    assert not first.redis.running
    assert plugins.CALLS == ["start 1", "start 1", "stop 1"]
