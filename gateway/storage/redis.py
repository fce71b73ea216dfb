"""Redis, for limits, keys and messages: one store over a few connections, which never makes anybody wait long.

Layer 3. Made by `gateway.composition.builders.storage` and carried from configuration to
configuration. Whatever the server does, an answer or `StoreUnavailable` comes
within `timeout`; while the server is known to be away it comes at once.

# Note [Batches]
Commands of one turn of the reactor leave in one write, on the next of the
connections: under load that is one system call, and one for the answers, for
many requests. A connection whose oldest batch has waited too long is closed,
since answers come in order and nothing behind it can be sooner.

# Note [Down]
There are two ways of being down. No connection is greeted: nothing can be
sent. Or the breaker is open: the server was slow several times in a row.
Requests are no probes then; the store asks PING by itself, and an answer in
time closes the breaker. Before the first connection is up, or has failed,
commands wait for it (within their time): a gateway that starts does not begin
with an outage.
"""

# mypy: allow-untyped-calls

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, Protocol

from twisted.application.service import Service
from twisted.internet.defer import Deferred, gatherResults
from twisted.logger import Logger
from twisted.python.failure import Failure

from gateway.config.redis_url import RedisAddress
from gateway.resilience.breaker import Breaker, BreakerRules, State
from gateway.storage.at import At
from gateway.storage.batch import Batch
from gateway.storage.errors import CommandRefused, StoreUnavailable
from gateway.storage.one_master import OneMaster
from gateway.storage.redis_cluster import Cluster, Node, Place
from gateway.storage.redis_link import Connection, Dial, Link, ask_once, greeting
from gateway.storage.replies import Meaning
from gateway.storage.resp import KEYED, Argument, Script, octets, pack
from gateway.storage.subscriptions import OnMessage, OnMissed, Subscriptions

RULES = BreakerRules(failure_threshold=3, ratio=0.5, window=10.0, min_requests=20, timeout=0.25)

WATCH = 5.0
"""Seconds between two looks at whether a master that sentinels have named answers, where nobody asks it anything."""

QUIET = 60.0
"""Seconds between two log lines about the same error."""

Elsewhere = Callable[[CommandRefused, bytes, Any, Place], bool]
"""Takes an answer that names another node, its command, who waits and who has answered.

Returns whether it asks that node, and so answers who waits.
"""


class StoreCounts(Protocol):
    """Where a store counts (`gateway.composition.builders.storage`)."""

    def failed(self, reason: str, /) -> None: ...
    def answered(self, seconds: float, /) -> None: ...


class RedisStore(Service):
    """A Redis server.

    Args:
        address: Where it is, and as whom to speak to it.
        timeout: Longest wait for an answer, in seconds.
        pool: Connections.
        dial: Connects to a host and port.
        reactor: Keeps time.
        now: Monotonic seconds.
        random: From 0 up to 1.
        counts: Takes failures and durations.
        elsewhere: Of a cluster's node: sees to what other nodes have.
    """

    _log = Logger()

    def __init__(
        self,
        address: RedisAddress,
        timeout: float,
        pool: int,
        dial: Dial,
        reactor: Any,
        now: Callable[[], float],
        random: Callable[[], float],
        counts: StoreCounts,
        elsewhere: Elsewhere | None = None,
    ) -> None:
        self._address = address
        self._timeout = timeout
        self._reactor = reactor
        self._now = now
        self._counts = counts
        self._breaker = Breaker(RULES, self._breaker_changed)
        master = OneMaster()
        self._links = [
            Link(address, dial, reactor, random, self._link_up, self._link_down, master.agrees) for _ in range(pool)
        ]
        master.links = self._links
        self._ready: list[Connection] = []
        self._turn = 0
        self._batch: Batch | None = None
        self._held: list[Batch] = []
        self._starting = True
        self._watch: Any = None
        self._probing: Any = None
        self._watching: Any = None
        self._told_up: bool | None = None
        self._down_since = 0.0
        self._refusals: dict[str, float] = {}
        self._subscriptions = Subscriptions(address, dial, reactor, random)
        self._dial = dial
        self._cluster: Cluster | None = None
        self._elsewhere: Elsewhere = elsewhere or self._follow
        self._in_cluster = elsewhere is not None
        self._make_node = lambda place: RedisStore(
            replace(address, hosts=(place,), master="", cluster=False, database=0),
            timeout,
            pool,
            dial,
            reactor,
            now,
            random,
            counts,
            self._follow,
        )

    @property
    def available(self) -> bool:
        """Whether a command would be sent now; where this is false nothing is, and it fails at once."""
        return bool(self._ready or self._starting) and self._breaker.state is State.CLOSED

    @property
    def up(self) -> bool:
        """Whether it answers, as far as is known; of a cluster, whether all nodes do that are in use."""
        if self._cluster is not None:
            return self._cluster.up
        return self._serves

    @property
    def _serves(self) -> bool:
        return bool(self._ready) and self._breaker.state is State.CLOSED

    def at(self, key: bytes) -> At:
        """Return the place of a key: what is sent there goes to the node that has it, where there is a cluster."""
        return At(self, key)

    def node(self, key: bytes) -> Node:
        """Return who has a key: this one, or a node of the cluster."""
        if self._cluster is None:
            return self
        return self._cluster.node(key) or self

    def send(self, command: bytes) -> Deferred[Any]:
        """Send a command that is encoded already (`gateway.storage.resp.pack`); as `command`."""
        waiting: Deferred[Any] = Deferred()
        self.ask(command, waiting)
        return waiting

    def ask(self, command: bytes, waiting: Any) -> None:
        """Send a command that is encoded already, and tell its answer to a `Hearer` or a Deferred (D-262)."""
        batch = self._batch
        if batch is None:
            if not self.available:
                self._counts.failed("down")
                waiting.errback(Failure(StoreUnavailable("down")))
                return
            now = self._now()
            batch = self._batch = Batch(now, self._breaker.admit(now))
            self._reactor.callLater(0, self._flush)
        batch.put(command, waiting)

    def command(self, *args: Argument) -> Deferred[Any]:
        """Send a command; gives the answer as Redis sent it, octets for text.

        Fails with `StoreUnavailable`, within `timeout`, where there is none; with its kind `CommandRefused` where the
        answer is an error.
        """
        if self._cluster is not None and args[0] in KEYED:
            return self.node(octets(args[1])).send(pack(*args))
        return self.send(pack(*args))

    def script(self, script: Script, keys: tuple[Argument, ...], args: tuple[Argument, ...]) -> Deferred[Any]:
        """Run a script, atomically, by its digest; a server that does not know it is told its source. As `command`."""
        by_digest, by_source = script.call(keys, args)
        node: Node = self.node(octets(keys[0])) if keys else self

        def tell_source(failure: Failure) -> Any:
            error = failure.value
            if isinstance(error, CommandRefused) and error.meaning is Meaning.FORGOTTEN:
                return node.send(by_source)
            return failure

        return node.send(by_digest).addErrback(tell_source)

    def publish(self, channel: str, message: bytes | str) -> Deferred[Any]:
        """Tell everybody who is subscribed; gives how many that were. As `command`."""
        return self.command(b"PUBLISH", channel, message)

    def subscribe(self, channel: str, on_message: OnMessage, on_missed: OnMissed | None = None) -> Callable[[], None]:
        """Hear the messages of a channel, on a connection of its own that is kept up; see `Subscriptions.add`."""
        return self._subscriptions.add(channel, on_message, on_missed)

    def startService(self) -> None:
        """Connect."""
        super().startService()
        for link in self._links:
            link.start()
        self._subscriptions.start()
        if self._address.master:
            self._watching = self._reactor.callLater(WATCH, self._keep_watch)

    def stopService(self) -> Deferred[Any]:
        """Close; fires when everything is closed."""
        super().stopService()
        self._starting = False
        for timer in (self._watch, self._probing, self._watching):
            if timer is not None and timer.active():
                timer.cancel()
        waiting: list[Deferred[Any] | None] = [link.stop() for link in self._links]
        waiting += [self._subscriptions.stop(), None if self._cluster is None else self._cluster.stop()]
        return gatherResults([one for one in waiting if one is not None])

    # Batches: see Note [Batches].

    def _flush(self) -> None:
        batch, self._batch = self._batch, None
        assert batch is not None
        if self._ready:
            self._turn += 1
            self._ready[self._turn % len(self._ready)].send(batch)
        elif self._starting:
            self._held.append(batch)
        else:
            self._fail([batch], "lost")
            return
        if self._watch is None:
            self._watch = self._reactor.callLater(self._timeout, self._look)

    def _look(self) -> None:
        """See which batches are late; wake again when the next one would be."""
        self._watch = None
        late = self._now() - self._timeout
        for connection in [one for one in self._ready if one.oldest is not None and one.oldest <= late]:
            self._ready.remove(connection)
            self._count_failures(connection.give_up("timeout"), "timeout")
        for batch in [one for one in self._held if one.started <= late]:
            self._held.remove(batch)
            self._fail([batch], "timeout")
        waiting = [one.oldest for one in self._ready if one.oldest is not None]
        waiting += [batch.started for batch in self._held]
        if waiting and self._watch is None:
            self._watch = self._reactor.callLater(max(0.0, min(waiting) - late), self._look)

    def _fail(self, batches: list[Batch], reason: str) -> None:
        self._count_failures(batches, reason)
        for batch in batches:
            batch.fail(StoreUnavailable(reason))

    def _count_failures(self, batches: list[Batch], reason: str) -> None:
        now = self._now()
        # Batches behind the first one only waited for it: the breaker hears of one failure. A probe has another ticket.
        for ticket in {batch.ticket for batch in batches}:
            self._breaker.failed(now, ticket, reason)
        for batch in batches:
            for _ in batch.waiting:
                self._counts.failed(reason)

    def _answered(self, batch: Batch) -> None:
        now = self._now()
        self._counts.answered(now - batch.started)
        if batch.trouble:  # LOADING, CLUSTERDOWN, …: it answers, but serves nobody
            self._breaker.failed(now, batch.ticket, batch.trouble)
        else:
            self._breaker.succeeded(now, batch.ticket)

    def _refused(self, link: Link, error: CommandRefused, command: bytes, waiting: Any) -> bool:
        """See to what an error means (`gateway.storage.replies`); returns whether `waiting` is seen to as well."""
        code = error.code
        if error.meaning is Meaning.FORGOTTEN:
            return False  # `script` sends the source then
        if error.meaning is Meaning.ELSEWHERE and self._elsewhere(error, command, waiting, link.place):
            return True
        self._counts.failed("refused")
        now = self._now()
        if now >= self._refusals.get(code, now):
            self._refusals[code] = now + QUIET
            self._log.warn(
                "Redis at {address} answers with an error: {code}",
                address=str(self._address),
                code=code,
                event="store.refused",
            )
        if error.meaning is Meaning.NOT_HERE:
            link.drop(read_only=code == "READONLY")
        return False

    def _follow(self, error: CommandRefused, command: bytes, waiting: Any, sender: Place) -> bool:
        """The server is a node of a cluster: from now on each command goes to the node that has its key (D-92)."""
        if self._cluster is None:
            if not self.running:
                return False
            self._cluster = Cluster(self._address.hosts, self._make_node, self._ask_for_map, self._reactor)
        return self._cluster.follow(error, command, waiting, sender)

    def _ask_for_map(self, place: Place) -> Deferred[Any]:
        commands = [*greeting(self._address), pack(b"CLUSTER", b"SLOTS")]
        dialing = self._dial(*place).addCallback(ask_once, commands, self._reactor)
        return dialing.addCallback(lambda answers: answers[-1])

    # Links: see Note [Down].

    def _link_up(self, link: Link) -> None:
        connection = link.connection
        assert connection is not None
        connection.answered = self._answered
        connection.refused = partial(self._refused, link)
        lost = connection.lost

        def gone(which: Connection) -> None:
            if which in self._ready:
                self._ready.remove(which)
            self._count_failures(which.under_way, "lost")
            lost(which)

        connection.lost = gone
        self._ready.append(connection)
        self._starting = False
        held, self._held = self._held, []
        for batch in held:
            connection.send(batch)
        self._tell("")

    def _link_down(self, link: Link, cause: str) -> None:
        if not self._ready:
            self._starting = False
            held, self._held = self._held, []
            self._fail(held, "down")
        self._tell(cause)

    def _breaker_changed(self, old: State, new: State, cause: str) -> None:
        if new is State.OPEN and self.running:
            self._probing = self._reactor.callLater(RULES.timeout, self._probe)
        self._tell(cause)

    def _probe(self) -> None:
        now = self._now()
        ticket = self._breaker.admit(now) if self._ready else 0
        if not ticket:
            self._probing = self._reactor.callLater(RULES.timeout, self._probe)
            return
        batch = Batch(now, ticket)
        # A node of a cluster that is down answers PING, and nothing about keys.
        question = pack(b"EXISTS", b"gw:{limits}:") if self._in_cluster else pack(b"PING")
        batch.add(question).addErrback(lambda _: None)
        self._ready[0].send(batch)
        if self._watch is None:
            self._watch = self._reactor.callLater(self._timeout, self._look)

    def _keep_watch(self) -> None:
        """Ask connections that have nothing to do: one that is not answered is closed, and dialled by another name."""
        self._watching = self._reactor.callLater(WATCH, self._keep_watch)
        for connection in self._ready:
            if connection.oldest is None:
                batch = Batch(self._now())
                batch.add(pack(b"PING")).addErrback(lambda _: None)
                connection.send(batch)
        if self._watch is None:
            self._watch = self._reactor.callLater(self._timeout, self._look)

    def _tell(self, cause: str) -> None:
        """One line for each change, not for each connection and each request."""
        up = self._serves
        if up is self._told_up or (self._breaker.state is State.HALF_OPEN):
            return
        if up and self._told_up is not None:
            self._log.info(
                "Redis at {address} answers again, after {seconds:.1f} s",
                address=str(self._address),
                seconds=self._now() - self._down_since,
                event="store.up",
            )
        elif up:
            self._log.info("Redis at {address} answers", address=str(self._address), event="store.up")
        else:
            self._down_since = self._now()
            self._log.warn(
                "Redis at {address} does not answer: {cause}",
                address=str(self._address),
                cause=cause,
                event="store.down",
            )
        self._told_up = up
