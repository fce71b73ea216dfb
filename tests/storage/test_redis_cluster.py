"""A store on a real Redis Cluster of three: every key is asked for where it is, wherever that comes to be."""

# mypy: allow-untyped-calls

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted

from gateway.limiting.limit import Limit
from gateway.limiting.store import MemoryLimits
from gateway.storage.errors import StoreUnavailable
from gateway.storage.limits import PREFIX
from gateway.storage.redis import RedisStore
from gateway.storage.redis_cluster import slot_of
from gateway.storage.resp import Script
from gateway.storage.shared_limits import RedisLimits
from tests.storage.conftest import MakeStore
from tests.system.redis_cluster import id_of, redis_cluster
from tests.system.redis_server import RedisServer
from tests.system.running_reactor import eventually

SLOT = slot_of(PREFIX)
LIMITS = [
    Limit(b"one-----", "ip", 50, 60.0, 50, sliding=True),
    Limit(b"two-----", "user", 50, 60.0, 50, sliding=True),
]


class Asked:
    """Decisions, and how many of them were made without Redis."""

    def __init__(self, store: RedisStore) -> None:
        self.local = 0
        self._decide = RedisLimits(store.at(PREFIX), MemoryLimits(), 1, self._fallback).bind(LIMITS)
        self._number = 0.0

    async def __call__(self) -> int:
        """Ask for one more; gives what is left."""
        self._number += 1
        verdict: Any = self._decide([b"192.0.2.1", b"alice"], self._number)
        verdict = verdict if hasattr(verdict, "remaining") else (await verdict)
        return int(verdict.remaining)

    def _fallback(self) -> None:
        self.local += 1


def errors(node: RedisServer, code: bytes) -> int:
    """How often a node has answered with an error."""
    found = re.search(rb"errorstat_%b:count=(\d+)" % code, node.say("INFO", "errorstats"))
    return int(found[1]) if found else 0


def test_a_slot_is_that_of_what_stands_in_braces() -> None:
    """As the specification of the cluster has it."""
    assert slot_of(b"123456789") == 0x31C3
    assert slot_of(b"gw:{limits}:x") == slot_of(b"limits") == SLOT
    assert slot_of(b"{a}{b}") == slot_of(b"a")


@pytest_twisted.ensureDeferred
async def test_limits_and_keys_are_found_wherever_they_are(reactor: Any, tmp_path: Path, make: MakeStore) -> None:
    """Whichever node the configuration names, and by one question each once that is known."""
    with redis_cluster(tmp_path) as cluster:
        left = []
        stores = [make(node.url, timeout=1.0) for node in cluster.nodes]
        asking = [Asked(store) for store in stores]
        for one, store in zip(asking, stores, strict=True):
            left += [await one(), await one()]
            assert one.local == 0
            assert store.up
        store, asked = next((s, a) for s, a in zip(stores, asking, strict=True) if s._cluster is not None)

        for key in ("a{}b", "a{b", "{a}{b}", "gateway:credentials:refused", "a}{b}"):
            assert slot_of(key.encode()) == int(cluster.nodes[0].say("CLUSTER", "KEYSLOT", key)[1:])
        for number in range(20):
            assert (await store.command(b"SET", f"key{number}", number)) == b"OK"
        assert [(await store.command(b"GET", f"key{number}")) for number in range(20)] == [
            b"%d" % number for number in range(20)
        ]
        echo = Script(b"return redis.call('GET', KEYS[1])")
        assert (await store.script(echo, ("key7",), ())) == b"7"
        assert store._cluster is not None
        await eventually(reactor, lambda: store._cluster is not None and store._cluster._asking is None)
        before = [errors(node, b"MOVED") for node in cluster.nodes]
        for _ in range(10):
            await asked()
        after = [errors(node, b"MOVED") for node in cluster.nodes]

    assert left == [49, 48, 47, 46, 45, 44]
    assert sum(before) > 0
    assert before == after


@pytest.mark.parametrize("endpoints", ["hostname", "unknown-endpoint"])
@pytest_twisted.ensureDeferred
async def test_nodes_that_do_not_say_where_others_are_are_followed(
    reactor: Any, tmp_path: Path, make: MakeStore, endpoints: str
) -> None:
    """`MOVED 1234 ?:6379` where nodes have no host names, `MOVED 1234 :6379` behind a load balancer."""
    with redis_cluster(tmp_path, cluster_preferred_endpoint_type=endpoints) as cluster:
        store = make(cluster.others(SLOT)[0].url, timeout=1.0)
        asked = Asked(store)
        left = [await asked(), await asked()]
        await eventually(reactor, lambda: store._cluster is not None and store._cluster._asking is None)
        left.append(await asked())

        assert left == [49, 48, 47]
        assert asked.local == 0
        assert store.up


@pytest_twisted.ensureDeferred
async def test_a_slot_that_moves_is_followed_while_it_does_and_afterwards(
    reactor: Any, tmp_path: Path, make: MakeStore
) -> None:
    """ASK with the keys that have moved already, then MOVED: no decision is made without the count."""
    with redis_cluster(tmp_path) as cluster:
        source, (target, _) = cluster.owner(SLOT), cluster.others(SLOT)
        store = make(source.url, timeout=1.0)
        asked = Asked(store)
        assert [await asked(), await asked()] == [49, 48]

        target.say("CLUSTER", "SETSLOT", str(SLOT), "IMPORTING", id_of(source))
        source.say("CLUSTER", "SETSLOT", str(SLOT), "MIGRATING", id_of(target))
        names = source.say("CLUSTER", "GETKEYSINSLOT", str(SLOT), "10").split(b"\r\n")[2::2]
        for name in filter(None, names):
            source.say("MIGRATE", "127.0.0.1", str(target.port), name.decode(), "0", "5000")
        assert b"ok" not in source.say("EXISTS", names[0].decode())
        assert [await asked(), await asked()] == [47, 46]
        assert errors(source, b"ASK") > 0
        for node in (target, source, *cluster.others(SLOT)[1:]):
            node.say("CLUSTER", "SETSLOT", str(SLOT), "NODE", id_of(target))
        assert [await asked(), await asked()] == [45, 44]

        assert errors(source, b"MOVED") > 0
        assert asked.local == 0
        assert store.up


@pytest_twisted.ensureDeferred
async def test_the_store_is_down_while_the_node_of_its_keys_is_and_no_longer(
    reactor: Any, tmp_path: Path, make: MakeStore
) -> None:
    """Though the node that the configuration names answers all the time."""
    with redis_cluster(tmp_path) as cluster:
        owner, (seed, _) = cluster.owner(SLOT), cluster.others(SLOT)
        store = make(seed.url, timeout=1.0)
        asked = Asked(store)
        assert await asked() == 49
        owner.kill()
        await eventually(reactor, lambda: not store.up)
        await asked()
        assert asked.local == 1

        with pytest.raises(StoreUnavailable):
            await store.at(PREFIX).send(b"*1\r\n$4\r\nPING\r\n")
        owner.start()
        await eventually(reactor, lambda: store.up)
        cluster.until_whole()
        await eventually(reactor, lambda: store.at(PREFIX).available)
        before = asked.local
        await asked()

    assert asked.local == before


@pytest_twisted.ensureDeferred
async def test_a_replica_that_takes_over_is_found(reactor: Any, tmp_path: Path, make: MakeStore) -> None:
    """From whoever is left: it is the seed that has died."""
    with redis_cluster(tmp_path, replicas=3) as cluster:
        owner = cluster.owner(SLOT)
        replica = cluster.nodes[3 + cluster.nodes.index(owner)]
        seeds = ",".join(f"127.0.0.1:{node.port}" for node in (owner, *cluster.others(SLOT)))
        store = make(f"redis+cluster://{seeds}", timeout=1.0)
        asked = Asked(store)
        left = [await asked(), await asked()]
        owner.kill()
        replica.say("CLUSTER", "FAILOVER", "TAKEOVER")

        async def shared() -> bool:
            before = asked.local
            await asked()
            return asked.local == before

        await eventually(reactor, shared)
        assert store.up

    assert left == [49, 48]


@pytest_twisted.ensureDeferred
async def test_servers_that_are_no_cluster_are_no_store_of_this_kind(
    reactor: Any, redis: RedisServer, make: MakeStore
) -> None:
    """They would count apart."""
    store = make(f"redis+cluster://127.0.0.1:{redis.port}", timeout=1.0)

    with pytest.raises(StoreUnavailable):
        await store.command("PING")
    assert not store.up
