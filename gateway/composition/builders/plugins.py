"""Settings of plugins into the steps of routes.

A plugin is made once, and carried to the next configuration where its class, its name and its own configuration are
the same; with `reload: true` it is made anew each time. `on_error`, `timeout` and the routes that name it may change
without that.

Tests: `tests/flow/test_plugin_life.py::test_what_is_the_same_is_carried_over`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import Any, NamedTuple

from twisted.internet.interfaces import IReactorFromThreads
from twisted.logger import Logger

from gateway.composition.builders.content_files import read_content
from gateway.composition.builders.memo import memo
from gateway.composition.builders.plugin_host import PluginHost
from gateway.composition.builders.plugin_services import PluginMetrics, PluginServices
from gateway.composition.builders.storage import redis_store
from gateway.composition.foundation import Foundation
from gateway.config import ConfigError, Problem, Settings, foreign, plugin_classes
from gateway.config.plugins import CLASS
from gateway.config.schema.plugins import Plugin
from gateway.config.schema.routes import Route
from gateway.exchange import Exchange
from gateway.interfaces import Middleware
from gateway.middleware.plugin import ON_REQUEST, PluginStep
from gateway.middleware.plugin_faults import Faults
from gateway.middleware.plugin_running import Running
from gateway.middleware.wasm import WasmPlugin, WrongModule
from gateway.telemetry.stalls import StallWatch

LARGEST = 64 * 1024 * 1024
"""Octets of a WebAssembly module."""


class Hooks:
    """The hooks of one plugin, as the chain looks for them: those that it does not have are not there."""

    def __init__(self, step: PluginStep) -> None:
        self.name = step.name
        self.__dict__.update(step.hooks)


class Plugins:
    """Makes the plugins that routes name, and their steps.

    Args:
        settings: The configuration.
        foundation: What it is built on.

    Raises:
        gateway.config.ConfigError: A plugin cannot be made.
    """

    def __init__(self, settings: Settings, foundation: Foundation) -> None:
        self._settings = settings
        self._foundation = foundation
        self._step = memo(self._make_step)
        self._hosts: dict[str, tuple[PluginHost, bool, Plugin]] = {}
        if not settings.plugins:
            return
        named = {name for route in settings.routes for name in route.plugins}
        self._running: Running = foundation.carried.get(("plugin running",), Running)
        for index, plugin in enumerate(settings.plugins):
            if plugin.name in named:
                self._hosts[plugin.name] = self._host(plugin, index)
        if self._hosts and IReactorFromThreads.providedBy(foundation.reactor):  # in memory time stands still
            foundation.carried.get(("plugin watch",), lambda: StallWatch(self._running, foundation.now))
        foundation.carried.then(self._forget)

    def hosts(self, route: Route) -> tuple[tuple[PluginHost, bool, float], ...]:
        """Return what the steps of a route's plugins are made from; the host of one that was reloaded is another."""
        found = (self._hosts[name] for name in route.plugins)
        return tuple((host, rejects, plugin.timeout) for host, rejects, plugin in found)

    def steps(self, route: Route | None) -> Iterator[Middleware]:
        """Make the steps of a route, in the order in which it names plugins."""
        if route is None or not route.plugins:
            return
        upstreams = frozenset(name for name, _ in route.upstreams) if len(route.upstreams) > 1 else frozenset()
        for name in route.plugins:
            yield self._step(name, upstreams)

    def _make_step(self, name: str, upstreams: frozenset[str]) -> Middleware:
        host, rejects, plugin = self._hosts[name]
        foundation = self._foundation
        try:
            step = PluginStep(
                host.plugin,
                host.faults,
                rejects,
                plugin.timeout,
                foundation.now,
                foundation.reactor,
                self._running,
                host.inside,
                upstreams,
            )
            hooks = Hooks(step)
            if hasattr(host.plugin, "start") and not foundation.carried.running:
                _hold(hooks, host)
        except BaseException as error:  # its hooks are looked up, and may be properties
            raise host.wrong(f"it could not be made: {foreign.words(error, plugin.config)}") from error
        return hooks

    def _host(self, plugin: Plugin, index: int) -> tuple[PluginHost, bool, Plugin]:
        where = self._settings.places.get(("plugins", index, "class"), (plugin.class_, 1, 1, f"plugins[{index}].class"))
        wrong = partial(_wrong, plugin, Problem(*where, ""))
        try:
            return self._made(plugin, wrong)
        except ConfigError:
            raise
        except plugin_classes.NoSuchClass as error:
            raise wrong(f"expected {CLASS}, found {foreign.masked(str(error), plugin.config)}") from error
        except plugin_classes.WrongConfig as error:
            raise wrong(str(error)) from error
        except WrongModule as error:
            raise wrong(f"expected a module that can be a plugin, found {error}") from error
        except BaseException as error:  # a plugin's SystemExit must not end the gateway
            raise wrong(f"it could not be made: {foreign.words(error, plugin.config)}") from error

    def _made(self, plugin: Plugin, wrong: Callable[[str], ConfigError]) -> tuple[PluginHost, bool, Plugin]:
        found = _module(plugin) if plugin.file else plugin_classes.find(plugin.class_, plugin.reload)
        shown = self._foundation.metrics
        metrics = self._foundation.carried.get(
            ("plugin metrics", plugin.name), lambda: PluginMetrics(plugin.name, lambda: shown.registry)
        )
        said = self._settings.redis if hasattr(found, "start") else None  # who is not started gets no services
        redis = None if said is None else redis_store(said, self._foundation)
        config = json.dumps(plugin.config, sort_keys=True, default=str)
        key = "plugin", plugin.name, found, config, said, object() if plugin.reload else None
        host = self._foundation.carried.get(key, lambda: self._make(plugin, found, redis, metrics, wrong))
        guards = not isinstance(found, Code) and plugin_classes.is_security(found)
        rejects = plugin.on_error == "reject" or (plugin.on_error is None and guards)
        return host, rejects, plugin

    def _make(self, plugin: Plugin, found: Any, redis: Any, metrics: PluginMetrics, wrong: Any) -> PluginHost:
        foundation = self._foundation
        made = found.make(plugin) if isinstance(found, Code) else plugin_classes.make(found, plugin.config)
        with suppress(AttributeError):  # it has slots, or says its name itself
            made.name = plugin.name
        counter = foundation.metrics.counter
        faults = Faults(
            plugin.name,
            counter("gateway_plugin_errors_total").add,
            counter("gateway_plugin_blocked_total").add,
            foundation.now,
            Logger(namespace=f"gateway.plugin.{plugin.name}"),
            plugin.config,
        )
        services = PluginServices(plugin.name, foundation, redis, metrics)
        return PluginHost(made, faults, services, wrong, foundation.reactor)

    def _forget(self) -> None:
        """Forget what was counted of plugins that this configuration does not have."""
        metrics = self._foundation.metrics
        for name in ("gateway_plugin_errors_total", "gateway_plugin_blocked_total"):
            cells = metrics.counter(name).cells
            for key in [key for key in cells if key[0] not in self._hosts]:
                del cells[key]


class Code(NamedTuple):
    """A WebAssembly module, and what it may use up: equal where these are."""

    octets: bytes
    fuel: int
    memory: int
    time: float

    def make(self, plugin: Plugin) -> Any:
        """Make the plugin."""
        log = Logger(namespace=f"gateway.plugin.{plugin.name}")
        say = partial(log.info, "{words}")
        return WasmPlugin(self.octets, plugin.config, self.fuel, self.memory, self.time, lambda words: say(words=words))


def _module(plugin: Plugin) -> Code:
    try:
        octets = read_content(plugin.file or "", "class", LARGEST)
    except ConfigError as error:
        raise WrongModule(error.problems[0].message.replace(": expected ", ": ", 1)) from None
    return Code(octets, plugin.wasm.fuel, plugin.wasm.memory, plugin.wasm.time)


def _hold(hooks: Hooks, host: PluginHost) -> None:
    """Let exchanges of the first configuration wait until its plugin has started."""
    ask = hooks.__dict__.get(ON_REQUEST)

    def on_request(exchange: Exchange) -> Any:
        ready = host.ready
        if ready is not None:
            return _ask_then(ready, ask, exchange)
        return None if ask is None else ask(exchange)

    hooks.__dict__[ON_REQUEST] = on_request


async def _ask_then(ready: Any, ask: Any, exchange: Exchange) -> Any:
    await ready
    answer: Any = None if ask is None else ask(exchange)
    return await answer if hasattr(answer, "__await__") else answer


def _wrong(plugin: Plugin, where: Problem, words: str) -> ConfigError:
    return ConfigError([where._replace(message=f"{plugin.name}: {words}")])
