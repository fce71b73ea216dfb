"""Keep one connection to Redis up: dial, greet, and again when it is lost.

Greeting means that the server has answered: a server that is stopped still
accepts connections, and none of them counts before it says PONG. A greeting
that is refused (a wrong password, no such database) is tried again like a
connection that is: the server's administrator may mend it. (Not Twisted's
`ClientService`, for what D-93 in docs/design.md has found.)

# Note [States of a link]
Which of four attributes is set says where a link stands, and each state ends in
one of these ways:

| state | what is set | what ends it |
| --- | --- | --- |
| stopped | none | `start`: dialling |
| dialling | `_dialing` | connected: greeting; failed: waiting |
| greeting | `_greeted`, `_timer` (`PATIENCE`) | all answers good: up; one is not, late, or lost: waiting |
| up | `_greeted` and `connection` | lost, or `drop`ped: waiting |
| waiting | `_timer` (the delay) | it is over: dialling |

`down` is called on the way to "waiting", `up` on the way to "up". `stop` leads to
"stopped" from everywhere, at once or when the connection is closed; what ends
after it (`_running` is false) leads nowhere.
"""

# mypy: allow-untyped-calls

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from twisted.application.internet import backoffPolicy
from twisted.internet.defer import CancelledError, Deferred, gatherResults
from twisted.python.failure import Failure

from gateway.config.redis_url import RedisAddress
from gateway.storage.batch import Batch
from gateway.storage.errors import CommandRefused, StoreUnavailable
from gateway.storage.resp import pack

PATIENCE = 1.0
"""Seconds for a connection, and again for the greeting."""
FIRST_DELAY = 0.05
"""Seconds until a lost connection is dialled again; doubled with each failure."""
LONGEST_DELAY = 1.0
JITTER = 0.05
"""Most seconds on top, by chance."""


class Connection(Protocol):
    """What a link needs of `gateway.storage.redis_connection.RedisConnection`."""

    answered: Callable[[Batch], None]
    refused: Callable[[CommandRefused, bytes, Any], bool]
    lost: Callable[[Any], None]
    pushed: Callable[[Any], None] | None
    transport: Any

    @property
    def oldest(self) -> float | None: ...
    @property
    def under_way(self) -> list[Batch]: ...
    def send(self, batch: Batch) -> None: ...
    def give_up(self, reason: str) -> list[Batch]: ...


Dial = Callable[[str, int], Deferred[Connection]]
"""Connects to a host and port, with TLS where the address says so; cancelled, it leaves nothing open."""


def ask_once(connection: Connection, commands: Sequence[bytes], reactor: Any) -> Deferred[list[Any]]:
    """Ask on a connection that is for this alone, and close it; gives the answers."""
    timer = reactor.callLater(PATIENCE, connection.give_up, "timeout")
    asking = Batch(0.0)
    answers = [asking.add(command) for command in commands]
    connection.send(asking)

    def done(result: Any) -> Any:
        if timer.active():
            timer.cancel()
        connection.transport.abortConnection()
        if isinstance(result, Failure):
            result = getattr(result.value, "subFailure", result)
        return result

    return gatherResults(answers, consumeErrors=True).addBoth(done)


def credentials(address: RedisAddress) -> list[bytes]:
    """Return the command that says who is asking, if there is one."""
    if not address.password:
        return []
    who = (address.user, address.password) if address.user else (address.password,)
    return [pack(b"AUTH", *who)]


def greeting(address: RedisAddress) -> list[bytes]:
    """Return the commands that say who is asking, and of which database."""
    commands = credentials(address)
    if address.database:
        commands.append(pack(b"SELECT", address.database))
    return commands


class Link:
    """One connection of a store.

    Args:
        address: Where, and as whom.
        dial: Connects.
        reactor: Keeps time.
        random: From 0 up to 1: instances that lost the same server do not all come back at once.
        up: Called with the link when it can be used.
        down: Called with the link and the cause when it cannot be used any more, or yet.
        agrees: Asked when a master that sentinels have named has answered: whether it is the one to use.

    Attributes:
        connection: The one that can be used, None while there is none.
        place: Host and port that were dialled last.
        master: Host and port that a sentinel named last, None where there are no sentinels.
        named: When it did so (seconds of the reactor).
    """

    def __init__(
        self,
        address: RedisAddress,
        dial: Dial,
        reactor: Any,
        random: Callable[[], float],
        up: Callable[[Link], None],
        down: Callable[[Link, str], None],
        agrees: Callable[[Link], bool] = lambda link: True,
    ) -> None:
        self.connection: Connection | None = None
        self._address = address
        self._dial = dial
        self._reactor = reactor
        self._delay = backoffPolicy(FIRST_DELAY, LONGEST_DELAY, 2.0, lambda: random() * JITTER)
        self._up = up
        self._down = down
        self._agrees = agrees
        self.master: tuple[str, int] | None = None
        self.named = 0.0
        self._running = False
        self._failures = 0
        self._timer: Any = None
        self._dialing: Deferred[Any] | None = None
        self._greeted: Connection | None = None
        self._stopped: Deferred[None] | None = None
        self._turn = 0
        self.place = address.hosts[0]
        self._master_only = bool(address.master)  # a replica that was the master answers everything but writes

    def start(self) -> None:
        """Connect."""
        self._running = True
        self._connect()

    def stop(self) -> Deferred[None] | None:
        """Close; fires when it is closed, None where it is already."""
        self._running = False
        self._cancel_timer()
        if self._dialing is not None:
            self._dialing.cancel()
        if self._greeted is None:
            return None
        self._stopped = Deferred()
        self._greeted.transport.loseConnection()
        return self._stopped

    def drop(self, read_only: bool = False) -> None:
        """Close, and dial again: the server has answered that it is not the one to ask (`Meaning.NOT_HERE`).

        Args:
            read_only: It took no write, as a replica does. From now on a server must say that it is a master before it
                counts as up: PING and reads it would answer, and each write would end here again.
        """
        if read_only:
            self._master_only = True
        if self._greeted is not None:
            self._greeted.give_up("lost")

    def _connect(self) -> None:
        self._timer = None
        dialing = self._dialing = self._find()
        dialing.addCallbacks(self._connected, self._failed)

    def _find(self) -> Deferred[Connection]:
        address = self._address
        # The sentinels, or nodes, in turn: after one that is down the next try asks another.
        self.place = host, port = address.hosts[self._turn % len(address.hosts)]
        self._turn += 1
        dialing = self._dial(host, port)
        return dialing.addCallback(self._ask_sentinel) if address.master else dialing

    def _ask_sentinel(self, sentinel: Connection, first: Sequence[bytes] = ()) -> Deferred[Connection]:
        command = pack(b"SENTINEL", b"get-master-addr-by-name", self._address.master)

        def answered(answers: list[Any]) -> Deferred[Connection]:
            answer = answers[-1]
            if not isinstance(answer, list) or len(answer) != 2:
                raise StoreUnavailable("refused", "the sentinel does not know the master")
            self.master, self.named = (answer[0].decode(), int(answer[1])), self._reactor.seconds()
            return self._dial(*self.master)

        def refused(failure: Failure) -> Any:
            # A sentinel that wants a password gets the servers' (most are set up so); one that wants none would refuse.
            wants = isinstance(failure.value, CommandRefused) and failure.value.code == "NOAUTH"
            told = credentials(self._address)
            if first or not told or not wants:
                return failure
            return self._dial(*self.place).addCallback(self._ask_sentinel, told)

        return ask_once(sentinel, [*first, command], self._reactor).addCallbacks(answered, refused)

    def _connected(self, connection: Connection) -> None:
        self._dialing = None
        self._greeted = connection
        connection.lost = self._lost
        greeting = Batch(0.0)
        answers = [greeting.add(command) for command in self._greeting()]
        self._timer = self._reactor.callLater(PATIENCE, connection.give_up, "timeout")
        connection.send(greeting)
        gatherResults(answers, consumeErrors=True).addCallbacks(self._welcome, self._refused)

    def _greeting(self) -> Sequence[bytes]:
        commands = greeting(self._address)
        if self._address.cluster:
            # Refused by a server without a cluster: several of those do not know of each other, and would count apart.
            commands.append(pack(b"CLUSTER", b"MYID"))
        commands.append(pack(b"ROLE") if self._master_only else pack(b"PING"))
        return commands

    def _welcome(self, answers: list[Any]) -> None:
        if self._greeted is None or not self._running:
            return
        self._cancel_timer()
        if self._master_only and answers[-1][0] != b"master":
            found = "the server is a replica, and takes no writes"
            self._retry("the sentinel named a server that is not the master" if self._address.master else found)
            return
        if self.master is not None and not self._agrees(self):
            self._retry("the sentinels have named another master since")
            return
        self._failures = 0
        self.connection = self._greeted
        self._up(self)

    def _refused(self, failure: Failure) -> None:
        if self._greeted is None:
            return  # the connection was lost: the timer that is set is that of the next try
        self._cancel_timer()
        error = getattr(failure.value, "subFailure", failure).value
        self._retry(str(error))

    def _retry(self, cause: str) -> None:
        """Give up a connection whose greeting was refused; `down` hears the cause, not that the connection is lost."""
        connection, self._greeted = self._greeted, None
        assert connection is not None
        connection.lost = _ignore
        connection.give_up("lost")
        self._closed()
        self._later(cause)

    def _failed(self, failure: Failure) -> None:
        self._dialing = None
        if not failure.check(CancelledError) or self._running:
            self._later(failure.getErrorMessage() or type(failure.value).__name__)

    def _lost(self, _: Any) -> None:
        self._cancel_timer()
        self.connection = self._greeted = None
        self._closed()
        self._later("the connection was lost")

    def _closed(self) -> None:
        """Tell who waits for the end of `stop`, whichever way the connection ended."""
        stopped, self._stopped = self._stopped, None
        if stopped is not None:
            stopped.callback(None)

    def _later(self, cause: str) -> None:
        if not self._running:
            return
        self._timer = self._reactor.callLater(self._delay(self._failures), self._connect)
        self._failures += 1
        self._down(self, cause)

    def _cancel_timer(self) -> None:
        timer, self._timer = self._timer, None
        if timer is not None and timer.active():
            timer.cancel()


def _ignore(_: Any) -> None:
    """The link has given this connection up already."""
