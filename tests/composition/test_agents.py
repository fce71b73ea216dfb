"""What an application's agents go through: compiled once a configuration, kept with it."""

from __future__ import annotations

import pytest

from gateway.composition.agents import AgentLeaf, agent_route
from gateway.serving.agent import ProxyAgent, UnknownUpstream
from gateway.testing import Harness
from tests.composition.world import World


def test_a_service_gives_agents_for_its_upstreams(world: World) -> None:
    """By name; one that is not there is told at once."""
    name = world.service.settings.upstreams[0].name

    assert isinstance(world.service.agent(name), ProxyAgent)
    with pytest.raises(UnknownUpstream, match="nobody"):
        world.service.agent("nobody")


def test_settings_of_an_agent_are_those_of_a_route(world: World) -> None:
    """The same words; what is wrong is told at once."""
    name = world.service.settings.upstreams[0].name
    world.service.agent(name, timeout="2s", retry={"attempts": 1, "on": [503]})

    for wrong in ({"timeout": "soon"}, {"retry": {"attempts": 99}}, {"retry": {"tries": 1}}):
        with pytest.raises(ValueError):
            world.service.agent(name, **wrong)


def test_it_is_compiled_once_for_each_configuration() -> None:
    """And not at all while nobody asks."""
    gateway = Harness("orders")
    leaf = AgentLeaf(agent_route("orders", 30, {}), gateway.gateway)
    assert leaf._leaf is None
    first = leaf.find()
    assert first is not None
    assert leaf.find() is first
    gateway.apply(timeouts={"request": "90s"})
    second = leaf.find()

    assert second is not None
    assert second is not first
    assert second.request_timeout == 90.0
    gateway.apply(upstreams=[gateway.upstream("orders") | {"name": "users"}], routes=[])
    assert leaf.find() is None


def test_its_retry_budget_outlives_configurations() -> None:
    """A reload gives nobody more attempts."""
    gateway = Harness("orders")
    leaf = AgentLeaf(agent_route("orders", 30, {}), gateway.gateway)
    budget = leaf._budget
    leaf.find()
    gateway.apply(timeouts={"request": "90s"})
    leaf.find()

    assert budget is not None
    assert leaf._budget is budget


def test_its_figures_go_on_over_a_reload(running: World) -> None:
    """As a route's that stays: until its upstream goes."""

    def count() -> int:
        _, text = running.service.gateway.foundation.metrics.exposition(b"", running.service.gateway.site.now())
        lines = [line for line in text.decode().splitlines() if 'route="gateway://orders"' in line]
        return sum(float(line.split()[-1]) == 1 for line in lines if line.startswith("gateway_requests_total"))

    running.service.agent("orders").request(b"GET", b"gateway://orders/7")
    running.network.pump()
    running.clock.advance(1)
    assert count() == 1
    assert running.change("path: /orders/*", "path: /others/*")
    running.clock.advance(1)

    assert count() == 1
