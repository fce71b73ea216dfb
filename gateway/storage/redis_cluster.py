"""Which node of a Redis Cluster has a key, and asking that one.

Made by `gateway.storage.redis.RedisStore` when a server answers MOVED or ASK for
the first time: without a cluster nothing of this is there. All keys of one
script have one hash tag, so one node has them all.

# Note [The map]
Which node has which slot is learnt twice: at once and for one slot from MOVED,
and for all of them from CLUSTER SLOTS. That is asked after a MOVED, and once a
second while a node that is in use does not answer: after a failover the slots
have another master, of which the dead one cannot tell. All nodes that are known
are asked in turn, each on a connection for that one question.
"""

# mypy: allow-untyped-calls

from __future__ import annotations

from binascii import crc_hqx
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from twisted.internet.defer import Deferred, ensureDeferred, gatherResults, maybeDeferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from gateway.storage.errors import CommandRefused, StoreUnavailable
from gateway.storage.resp import pack

SLOTS = 16384
MOST_HOPS = 5
"""Most nodes that one command is sent to in turn: past it the nodes do not agree on who has the key."""
INTERVAL = 1.0
"""Seconds between two looks at whether the nodes in use answer."""

ASKING = pack(b"ASKING")

Place = tuple[str, int]
"""Host and port."""


class Node(Protocol):
    """What is needed of a store of one server (`gateway.storage.redis.RedisStore`)."""

    @property
    def up(self) -> bool: ...
    @property
    def available(self) -> bool: ...
    def send(self, command: bytes, /) -> Deferred[Any]: ...
    def ask(self, command: bytes, waiting: Any, /) -> None: ...
    def startService(self) -> None: ...
    def stopService(self) -> Deferred[Any]: ...


def slot_of(key: bytes) -> int:
    """Return the slot of a key: of what stands in its first braces, if there is anything."""
    start = key.find(b"{")
    if start >= 0:
        end = key.find(b"}", start + 1)
        if end > start + 1:
            key = key[start + 1 : end]
    return crc_hqx(key, 0) % SLOTS


class Cluster:
    """The nodes that are in use.

    Args:
        seeds: Who is asked for the map while no other is known.
        make: Makes the store of one node.
        ask: Asks a node CLUSTER SLOTS, on a connection of its own.
        reactor: Keeps time.
    """

    _log = Logger()

    def __init__(
        self,
        seeds: Sequence[Place],
        make: Callable[[Place], Node],
        ask: Callable[[Place], Deferred[Any]],
        reactor: Any,
    ) -> None:
        self._seeds = tuple(seeds)
        self._make = make
        self._ask = ask
        self._reactor = reactor
        self._slots: dict[int, Place] = {}
        self._used: set[int] = set()
        self._nodes: dict[Place, Node] = {}
        self._following: set[Deferred[Any]] = set()
        self._asking: Deferred[Any] | None = None
        self._running = True
        self._timer = reactor.callLater(INTERVAL, self._look)

    @property
    def up(self) -> bool:
        """Whether every node answers whose keys are asked for."""
        nodes = [self._nodes.get(self._slots[slot]) for slot in self._used if slot in self._slots]
        return bool(nodes) and all(node is not None and node.up for node in nodes)

    def node(self, key: bytes) -> Node | None:
        """Return the node that has a key, None where that is not known yet."""
        slot = slot_of(key)
        self._used.add(slot)
        place = self._slots.get(slot)
        return None if place is None else self._at(place)

    def follow(self, error: CommandRefused, command: bytes, waiting: Any, sender: Place) -> bool:
        """Ask the node that an answer names; returns whether `waiting` is seen to."""
        if error.place is None or waiting in self._following or not self._running:
            return False
        self._learn(error, sender)
        ensureDeferred(self._follow(error, command, sender)).addCallbacks(waiting.callback, waiting.errback)
        return True

    def stop(self) -> Deferred[Any]:
        """Let go of every node; fires when they are closed."""
        self._running = False
        if self._timer.active():
            self._timer.cancel()
        if self._asking is not None:
            self._asking.cancel()
        nodes, self._nodes = list(self._nodes.values()), {}
        return gatherResults([node.stopService() for node in nodes])

    async def _follow(self, error: CommandRefused, command: bytes, sender: Place) -> Any:
        for _ in range(MOST_HOPS):
            assert error.place is not None
            sender = (error.place[1] or sender[0], error.place[2])
            node = self._at(sender)
            if error.code == "ASK":  # both leave in one batch, on one connection
                node.send(ASKING).addErrback(lambda _: None)
            answer = node.send(command)
            self._following.add(answer)
            try:
                return await answer
            except CommandRefused as again:
                if again.place is None:
                    raise
                error = again
                self._learn(error, sender)
            finally:
                self._following.discard(answer)
        raise error

    def _learn(self, error: CommandRefused, sender: Place) -> None:
        assert error.place is not None
        slot, host, port = error.place
        if error.code == "MOVED" and self._slots.get(slot) != (host or sender[0], port):
            self._slots[slot] = (host or sender[0], port)
            self._refresh()

    def _at(self, place: Place) -> Node:
        node = self._nodes.get(place)
        if node is None:
            node = self._nodes[place] = self._make(place)
            node.startService()
        return node

    # Note [The map].

    def _look(self) -> None:
        self._timer = self._reactor.callLater(INTERVAL, self._look)
        if self._used and not self.up:
            self._refresh()

    def _refresh(self) -> None:
        if self._asking is None and self._running:
            asking = self._asking = ensureDeferred(self._ask_all())
            asking.addBoth(self._asked)

    def _asked(self, result: Any) -> None:
        self._asking = None
        if isinstance(result, Failure) and self._running:
            self._log.failure("Reading the map of a Redis Cluster failed", result)

    async def _ask_all(self) -> None:
        known = [place for place, node in self._nodes.items() if node.up]
        for place in dict.fromkeys([*known, *self._seeds, *self._slots.values()]):
            try:
                answer = await maybeDeferred(self._ask, place)
            except StoreUnavailable:
                continue
            except Exception as error:  # noqa: BLE001 - it cannot be dialled, in whatever way: the next one is asked
                self._log.debug("{place} was not asked for the map: {error}", place=place, error=error)
                continue
            found = _read(answer, place)
            if found:
                self._put(found)
                return

    def _put(self, found: dict[int, Place]) -> None:
        self._slots = found
        masters = set(found.values())
        for place in [place for place in self._nodes if place not in masters]:
            self._nodes.pop(place).stopService().addErrback(lambda _: None)


def _read(answer: Any, sender: Place) -> dict[int, Place]:
    """Read what CLUSTER SLOTS says: first and last slot, and their master before its replicas."""
    found: dict[int, Place] = {}
    if not isinstance(answer, list):
        return found
    for entry in answer:
        first, last, (host, port, *more) = entry[0], entry[1], entry[2]
        place = (_host(host, more) or sender[0], int(port))
        for slot in range(first, last + 1):
            found[slot] = place
    return found


def _host(host: bytes | None, more: Sequence[Any]) -> str:
    """Return where a node is: its host, or its address where it has no host name (`?`); empty for where we asked."""
    if host == b"?":
        # Beside the node's id there are pairs of what else is known of it, among them `ip`.
        known = more[1] if len(more) > 1 and isinstance(more[1], list) else []
        host = dict(zip(known[::2], known[1::2], strict=False)).get(b"ip")
    return (host or b"").decode()
