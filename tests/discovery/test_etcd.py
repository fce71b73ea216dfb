"""etcd: compaction, authentication, what hangs, and several endpoints; against the real server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted

from gateway.dialling.dialer import SocketDialer
from gateway.dialling.fetching import Fetcher
from gateway.dialling.resolver import Resolver
from gateway.dialling.streaming import Streamer
from gateway.discovery.asking import LARGEST, Asking
from gateway.discovery.etcd import EtcdKeys, EtcdSource, end_of
from tests.contracts.test_sources import EtcdPlace, followed
from tests.registries.etcd_server import PROGRAM, EtcdServer, etcd_server
from tests.system.running_reactor import eventually, running_reactor

__all__ = ["running_reactor"]

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="no etcd on PATH")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EtcdServer]:
    """One for all tests."""
    with etcd_server(tmp_path_factory.mktemp("etcd")) as found:
        yield found


@pytest.fixture
def place(reactor: Any, server: EtcdServer, request: pytest.FixtureRequest) -> EtcdPlace:
    """A prefix of its own."""
    return EtcdPlace(reactor, server, f"/{request.node.name}/")


@pytest.mark.parametrize(
    ("prefix", "end"), [(b"/a/", b"/a0"), (b"a\xff", b"b"), (b"\xff\xff", b"\0"), (b"", b"\0"), (b"a", b"b")]
)
def test_the_end_of_a_prefix(prefix: bytes, end: bytes) -> None:
    """The first key after all that begin with it, as etcd's own clients have it."""
    assert end_of(prefix) == end


@pytest_twisted.ensureDeferred
async def test_what_was_compacted_away_is_listed_again(place: EtcdPlace) -> None:
    """The watch begins at a revision that the server has forgotten: no fault, and nothing is missed."""
    await place.put(9001)
    source = place.source()
    keys: EtcdKeys = source._keys  # type: ignore[attr-defined]
    listing = keys._list

    async def slow(endpoint: str, fields: Any) -> Any:
        found = await listing(endpoint, fields)
        if not told:
            told.append(found)
            await place.put(9002)
            place.server.compact(place.server.put(f"{place.prefix}9003", place.url(9003)))
        return found

    told: list[Any] = []
    keys._list = slow  # type: ignore[method-assign]
    place.source = lambda: source  # type: ignore[method-assign]
    async with followed(place) as following:
        await following.has(place.url(9001), place.url(9002), place.url(9003))
        assert following.faults == []
        assert len(following.answers[0].members) == 1  # type: ignore[arg-type]


@pytest_twisted.ensureDeferred
async def test_other_keys_are_not_read(place: EtcdPlace) -> None:
    """A neighbour whose name begins alike is none of ours; what is no member is refused alone."""
    await place.put(9001)
    place.server.put(place.prefix.rstrip("/") + "2/9009", "http://127.0.0.1:9009")
    place.server.put(f"{place.prefix}no", "ftp://127.0.0.1")
    place.server.put(f"{place.prefix}half", '{"url": ')
    async with followed(place) as following:
        await following.has(place.url(9001))
        assert len(following.answers[-1].refused) == 2


@pytest_twisted.ensureDeferred
async def test_the_next_endpoint_is_asked(place: EtcdPlace) -> None:
    """The first is not there."""
    await place.put(9001)
    place.said = {**place.said, "endpoints": ["http://127.0.0.1:1", place.server.url]}
    async with followed(place) as following:
        await following.has(place.url(9001))
        assert len(following.faults) == 1


@pytest_twisted.ensureDeferred
async def test_one_that_authenticates(reactor: Any, tmp_path: Path) -> None:
    """User and password are shown; a wrong password is a fault that does not say it."""
    with etcd_server(tmp_path) as server:
        for what, said in [
            ("auth/user/add", {"name": "root", "password": "s3cret"}),
            ("auth/role/add", {"name": "root"}),
            ("auth/user/grant", {"user": "root", "role": "root"}),
            ("auth/enable", {}),
        ]:
            server.ask(what, said)
        token = server.ask("auth/authenticate", {"name": "root", "password": "s3cret"})["token"]
        server.put("/users/1", "http://127.0.0.1:9001", token)
        place = EtcdPlace(reactor, server, "/users/")
        place.said = {**place.said, "user": "root", "password": "s3cret"}
        async with followed(place) as following:
            await following.has("http://127.0.0.1:9001")
            server.put("/users/2", "http://127.0.0.1:9002", token)
            await following.has("http://127.0.0.1:9001", "http://127.0.0.1:9002")
        place.said = {**place.said, "password": "wr0ng"}
        async with followed(place) as following:
            await eventually(reactor, lambda: following.faults)
            assert "wr0ng" not in following.faults[0]


@pytest_twisted.ensureDeferred
async def test_one_that_hangs_is_found_out(place: EtcdPlace) -> None:
    """The watch would be silent in the same way if nothing changed."""
    await place.put(9001)
    parts = (place.reactor, SocketDialer(place.reactor, Resolver(place.reactor, place.reactor.seconds)), None)
    asking = Asking(Fetcher(*parts, 0.3, LARGEST), Streamer(*parts, 0.3, LARGEST))
    source = EtcdSource(EtcdKeys(asking, [place.server.url], place.prefix, None, place.reactor, alive=0.1))
    place.source = lambda: source  # type: ignore[method-assign]
    async with followed(place) as following:
        await following.has(place.url(9001))
        place.server.pause()
        try:
            await eventually(place.reactor, lambda: following.faults)
        finally:
            place.server.resume()
        assert "in 0.3 s" in following.faults[0]
        await place.put(9002)
        await following.has(place.url(9001), place.url(9002))
