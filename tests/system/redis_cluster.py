"""A Redis Cluster of a test's own: three masters, each with a third of the slots, and replicas where asked for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from tests.system.gateway_process import until
from tests.system.ports import free_port
from tests.system.redis_server import RedisServer, redis_server

THIRDS = (("0", "5460"), ("5461", "10922"), ("10923", "16383"))


class RedisCluster:
    """The nodes.

    Attributes:
        nodes: The masters, by their slots; then the replicas.
    """

    def __init__(self, nodes: list[RedisServer]) -> None:
        self.nodes = nodes

    def owner(self, slot: int) -> RedisServer:
        """Return the node that was given a slot at the start."""
        return self.nodes[next(at for at, (_, last) in enumerate(THIRDS) if slot <= int(last))]

    def others(self, slot: int) -> list[RedisServer]:
        """Return the two masters that were not."""
        return [node for node in self.nodes[:3] if node is not self.owner(slot)]

    def until_whole(self) -> None:
        """Wait until every node that runs says that all slots are served."""
        until(lambda: all(b"cluster_state:ok" in node.say("CLUSTER", "INFO") for node in self.nodes))


def id_of(node: RedisServer) -> str:
    """What the nodes call it."""
    return node.say("CLUSTER", "MYID").split(b"\r\n")[1].decode()


@contextmanager
def redis_cluster(directory: Path, replicas: int = 0, **options: Any) -> Iterator[RedisCluster]:
    """Run one for as long as the block lasts; the replicas are of the first master and of those after it.

    Args:
        directory: Where the nodes keep their files.
        replicas: How many.
        options: Of the servers, beside those that make them a cluster.
    """
    with ExitStack() as stack:
        nodes, buses = [], []
        for number in range(3 + replicas):
            home = directory / f"node{number}"
            home.mkdir()
            buses.append(free_port())
            node = redis_server(
                home, cluster_enabled="yes", cluster_port=str(buses[-1]), cluster_node_timeout="1000", **options
            )
            nodes.append(stack.enter_context(node))
        for one, (first, last) in zip(nodes, THIRDS, strict=False):
            one.say("CLUSTER", "ADDSLOTSRANGE", first, last)
        for number, one in enumerate(nodes):  # or two of the same epoch fight over their slots for a while
            one.say("CLUSTER", "SET-CONFIG-EPOCH", str(number + 1))
        for one, bus in zip(nodes[1:], buses[1:], strict=True):
            nodes[0].say("CLUSTER", "MEET", "127.0.0.1", str(one.port), str(bus))
        cluster = RedisCluster(nodes)
        known = b"cluster_known_nodes:%d" % len(nodes)
        until(lambda: all(known in node.say("CLUSTER", "INFO") for node in nodes))
        cluster.until_whole()
        for master, replica in zip(nodes, nodes[3:], strict=False):
            replica.say("CLUSTER", "REPLICATE", id_of(master))
            until(lambda replica=replica: b"master_link_status:up" in replica.say("INFO", "replication"))
        yield cluster
