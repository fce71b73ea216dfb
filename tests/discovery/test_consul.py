"""Consul: the index, tags, warnings, tokens."""

from __future__ import annotations

from typing import Any

import pytest_twisted

from tests.contracts.test_sources import ConsulPlace, followed
from tests.system.running_reactor import eventually, running_reactor

__all__ = ["running_reactor"]


@pytest_twisted.ensureDeferred
async def test_a_query_waits_for_the_next_index(reactor: Any) -> None:
    """The first asks without one; those after it with that of the last answer."""
    place = ConsulPlace(reactor)
    await place.put(9001)
    async with followed(place) as following:
        await following.has(place.url(9001))
        await eventually(reactor, lambda: len(place.double.asked) == 2)
        assert place.double.asked == [{"passing": "1"}, {"passing": "1", "index": "11", "wait": "30s"}]


@pytest_twisted.ensureDeferred
async def test_an_index_that_goes_backwards_is_forgotten(reactor: Any) -> None:
    """A server that was set up anew counts from the beginning: it would be waited for for ever."""
    place = ConsulPlace(reactor)
    await place.put(9001)
    async with followed(place) as following:
        await eventually(reactor, lambda: len(place.double.asked) == 2)
        place.double.instances = {("127.0.0.1", 9002): {"weight": 1, "status": "passing", "tags": []}}
        place.double.changed(index=3)
        await following.has(place.url(9002))
        await eventually(reactor, lambda: len(place.double.asked) == 4)
        assert [asked.get("index") for asked in place.double.asked] == [None, "11", None, "3"]


@pytest_twisted.ensureDeferred
async def test_who_fails_its_checks_is_no_member(reactor: Any) -> None:
    """With `passing: false` it is one, by the weight that it has for warnings."""
    place = ConsulPlace(reactor)
    place.double.put("127.0.0.1", 9001, weight=7)
    place.double.put("127.0.0.1", 9002, weight=7, status="warning")
    async with followed(place) as following:
        await following.has(place.url(9001))
        place.double.put("127.0.0.1", 9001, status="critical")
        await following.has()
    place = ConsulPlace(reactor)
    place.said = {**place.said, "passing": False}
    place.double.put("127.0.0.1", 9002, weight=7, status="warning")
    async with followed(place) as following:
        await following.has(place.url(9002))
        assert [member.weight for member in following.answers[-1].members] == [1]


@pytest_twisted.ensureDeferred
async def test_tags_and_data_centres_are_asked_for(reactor: Any) -> None:
    """They stand in the query; a tag may hold what a URL escapes."""
    place = ConsulPlace(reactor)
    place.said = {**place.said, "tag": "v 2&x", "datacenter": "dc2"}
    place.double.put("127.0.0.1", 9001, tags=("v1",))
    place.double.put("127.0.0.1", 9002, tags=("v 2&x",))
    async with followed(place) as following:
        await following.has(place.url(9002))
        assert place.double.asked[0] == {"passing": "1", "tag": "v 2&x", "dc": "dc2"}


@pytest_twisted.ensureDeferred
async def test_a_token_that_is_refused_is_a_fault(reactor: Any) -> None:
    """The words have Consul's answer, and no token."""
    place = ConsulPlace(reactor)
    place.said = {**place.said, "token": "wr0ng"}
    async with followed(place) as following:
        await eventually(reactor, lambda: following.faults)
        assert "403" in following.faults[0]
        assert "Permission denied" in following.faults[0]
        assert "wr0ng" not in following.faults[0]


@pytest_twisted.ensureDeferred
async def test_an_instance_without_an_address_has_that_of_its_node(reactor: Any) -> None:
    """As Consul's documentation says."""
    place = ConsulPlace(reactor)
    place.double.put("", 9001)
    async with followed(place) as following:
        await following.has("http://10.9.9.9:9001")
