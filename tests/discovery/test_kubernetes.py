"""Kubernetes: versions, bookmarks, 410 Gone, pages, ports, and who is ready."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import pytest_twisted

from tests.contracts.test_sources import KubernetesPlace, followed
from tests.system.running_reactor import eventually, running_reactor

__all__ = ["running_reactor"]


@pytest.fixture
def place(reactor: Any, tmp_path: Path) -> KubernetesPlace:
    """An API server with one endpoint."""
    found = KubernetesPlace(reactor, tmp_path)
    found.double.put("127.0.0.1", 9001)
    return found


def watches(place: KubernetesPlace) -> list[str]:
    """The versions that watches began at."""
    return [asked["resourceVersion"] for asked in place.double.asked if asked.get("watch")]


@pytest_twisted.ensureDeferred
async def test_a_watch_that_ends_goes_on_at_the_last_version(place: KubernetesPlace) -> None:
    """A bookmark tells one too; nothing is listed again."""
    async with followed(place) as following:
        await eventually(place.reactor, lambda: watches(place) == ["101"])
        place.double.bookmark()
        await place.put(9002)
        await following.has(place.url(9001), place.url(9002))
        place.double.bookmark()
        began = place.reactor.seconds()
        await eventually(place.reactor, lambda: place.reactor.seconds() - began > 1.0)  # one that ends at once rests
        place.double.end_watches()
        await eventually(place.reactor, lambda: len(watches(place)) == 2)
        assert watches(place)[1] == str(place.double.version)
        assert len([asked for asked in place.double.asked if not asked.get("watch")]) == 1
        assert following.faults == []


@pytest.mark.parametrize("by_status", [False, True])
@pytest_twisted.ensureDeferred
async def test_a_version_that_is_gone_means_a_new_list(place: KubernetesPlace, by_status: bool) -> None:
    """As an event, or as the status: no fault, and what has changed meanwhile is there."""
    place.double.gone_by_status = by_status
    async with followed(place) as following:
        await following.has(place.url(9001))
        await eventually(place.reactor, lambda: watches(place))
        place.double.end_watches()
        await place.put(9002)
        await place.remove(9001)
        place.double.compact()
        await following.has(place.url(9002))
        assert following.faults == []


@pytest_twisted.ensureDeferred
async def test_only_the_ready_are_members(place: KubernetesPlace) -> None:
    """A condition that is not said counts as ready (as the API has it)."""
    place.double.put("127.0.0.2", 9001, ready=False)
    place.double.put("127.0.0.3", 9001, ready=None)
    async with followed(place) as following:
        await following.has("http://127.0.0.1:9001", "http://127.0.0.3:9001")
        place.double.put("127.0.0.1", 9001, ready=False)
        await following.has("http://127.0.0.3:9001")


@pytest.mark.parametrize(("port", "found"), [("http", True), (9001, True), (None, True), ("grpc", False), (80, False)])
@pytest_twisted.ensureDeferred
async def test_the_port_is_chosen_by_name_or_number(place: KubernetesPlace, port: object, found: bool) -> None:
    """One that no slice has makes no members: the words say so."""
    if port is not None:
        place.said = {**place.said, "port": port}
    async with followed(place) as following:
        await eventually(place.reactor, lambda: following.answers)
        assert following.urls == ([place.url(9001)] if found else [])
        assert bool(following.answers[-1].refused) is not found


@pytest_twisted.ensureDeferred
async def test_pages_are_one_list(place: KubernetesPlace) -> None:
    """600 slices come in two."""
    place.double.per_slice = 1
    place.double.put_all([(f"10.0.{number // 250}.{number % 250}", 9001) for number in range(599)])
    async with followed(place) as following:
        await eventually(place.reactor, lambda: following.answers)
        assert len(following.urls or ()) == 600
        assert [asked.get("continue") for asked in place.double.asked[:2]] == [None, "500"]


@pytest_twisted.ensureDeferred
async def test_the_token_is_read_again(place: KubernetesPlace) -> None:
    """The cluster renews it; one that is refused is a fault."""
    place.double.token = "renewed"
    async with followed(place) as following:
        await eventually(place.reactor, lambda: following.faults)
        assert "401" in following.faults[0]
        Path(place.said["token_file"]).write_text("renewed")
        await following.has(place.url(9001))
