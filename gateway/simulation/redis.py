"""`RedisServer`: Redis in memory, as far as rate limits ask for it; it takes its time, and fails as it is told.

The gateway's store (`gateway.storage.redis`) speaks to it as to a server, over connections in memory: its timeouts, its
breaker and `on_store_failure` are those of production. It knows the two scripts of `gateway.storage.limits` and runs no
Lua: the rules of `gateway.limiting`, of which the scripts are a translation, decide in their place. That both answer
the same is shown by the contract suite of stores (`tests/contracts/test_limit_store.py`), which also puts the same
commands to this server and to a real one.

Tests: `tests/simulation/test_redis.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import ceil
from typing import Any, Final

from hiredis import Reader
from twisted.internet.interfaces import IProtocol

from gateway.config import Settings
from gateway.config.redis_url import parse_redis_url
from gateway.config.schema.bounds import Redis
from gateway.limiting.limit import Limit, Rule, unused
from gateway.limiting.store import rule_of
from gateway.memory.end import End
from gateway.memory.network import MemoryNetwork
from gateway.simulation.failing import Failing
from gateway.storage.limits import GIVE_BACK, SCRIPT

HOST: Final = "redis.invalid"
PORT: Final = 6379

SECONDS: Final = 0.0005
"""What an answer takes, there and back: as in one data centre."""

_QUIET: Final = {
    b"PING": b"+PONG\r\n",
    b"SUBSCRIBE": b"*3\r\n$9\r\nsubscribe\r\n$0\r\n\r\n:1\r\n",
    b"PUBLISH": b":0\r\n",
    b"ZADD": b":1\r\n",
    b"ZREMRANGEBYSCORE": b":0\r\n",
    b"ZRANGEBYSCORE": b"*0\r\n",
}
"""Answers to what gateways tell each other of credentials and purges: a simulation has one, so nobody else hears it."""


class Questions(End):
    """A connection of the gateway's.

    Args:
        server: Where it comes in.

    Attributes:
        due: Seconds of the clock at which the last answer leaves: answers are in the order of the commands.
        broken: A command or an answer was lost. TCP lets nothing behind a hole through, so nothing comes back any more.
    """

    def __init__(self, server: RedisServer) -> None:
        super().__init__()
        self.due = 0.0
        self.broken = False
        self._server = server
        self._reader = Reader()

    def connectionMade(self) -> None:
        """It is open."""
        self._server.came(self)

    def dataReceived(self, data: bytes) -> None:
        """Read commands."""
        self._reader.feed(data)
        while (command := self._reader.gets()) is not False:
            self._server.asked(self, command)


class RedisServer(Failing):
    """The server.

    Args:
        network: Where it listens.
        wall_clock: Unix seconds: it counts by its own clock, which all gateways share.
        host: Where it listens.
        port: Likewise.
    """

    def __init__(
        self, network: MemoryNetwork, wall_clock: Callable[[], float], host: str = HOST, port: int = PORT
    ) -> None:
        self._wall_clock = wall_clock
        self._states: dict[bytes, Any] = {}
        self._scripts: set[bytes] = set()
        self._rules: dict[tuple[bytes, ...], tuple[Limit, Rule]] = {}
        super().__init__(network, host, port)

    def accept(self) -> IProtocol:
        """Return what reads a new connection."""
        return Questions(self)

    def goes_down(self) -> None:
        """Its process ends: counts and scripts are lost, as those of a Redis are that writes nothing to a disk."""
        self._states.clear()
        self._scripts.clear()

    def asked(self, connection: Questions, command: Sequence[bytes]) -> None:
        """Do what a command says when it comes, and answer in the time that it takes."""
        connection.broken |= self.is_lost
        if connection.broken:
            return
        answer, now = self._answer(command), self.network.clock.seconds()
        connection.due = max(connection.due, now + SECONDS * self.factor)
        self.network.clock.callLater(connection.due - now, self._send, connection, answer)

    def _send(self, connection: Questions, answer: bytes) -> None:
        connection.broken |= self.is_lost
        if connection.closed is None and not connection.broken:
            connection.send(answer)

    def _answer(self, command: Sequence[bytes]) -> bytes:
        name = command[0].upper()
        if name in _QUIET:
            return _QUIET[name]
        if name not in (b"EVAL", b"EVALSHA"):
            return b"-ERR unknown command\r\n"
        script = next((one for one in (SCRIPT, GIVE_BACK) if command[1] in (one.source, one.digest)), None)
        if script is not None and name == b"EVAL":
            self._scripts.add(script.digest)
        if script is None or script.digest not in self._scripts:
            return b"-NOSCRIPT No matching script.\r\n"
        keys, arguments = command[3 : 3 + int(command[2])], command[3 + int(command[2]) :]
        if script is SCRIPT:
            return _integers(self._take(keys, arguments))
        self._give_back(keys, arguments)
        return b"+OK\r\n"  # Redis answers how many were given back, which the gateway does not read

    def _take(self, keys: Sequence[bytes], arguments: Sequence[bytes]) -> list[int]:
        """Do what `limits.lua` does, which says what the arguments and the numbers of the answer are."""
        now = self._wall_clock()
        limits = [self._rule(arguments[at : at + 4]) for at in range(0, len(arguments), 5)]
        wants = [int(arguments[at + 4]) for at in range(0, len(arguments), 5)]
        waits = [rule.wait(self._states.get(key), now) for key, (_, rule) in zip(keys, limits, strict=True)]
        refused = [place for place, wait in enumerate(waits) if wants[place] and wait > 0]
        if refused:
            longest = max(refused, key=lambda place: waits[place])
            return [0, longest + 1, 0, ceil(waits[longest] * 1e6), ceil(self._whole(keys[longest], now))]
        taken = []
        for key, (_, rule), want in zip(keys, limits, wants, strict=True):
            some = 0
            while some < want and rule.wait(self._states.get(key), now) <= 0:
                self._states[key] = rule.take(self._states.get(key), now)
                some += 1
            taken.append(some)
        wholes = [self._whole(key, now) for key in keys]
        left = [
            rule.remaining(self._states[key], now) if whole > now else unused(limit).remaining
            for key, (limit, rule), whole in zip(keys, limits, wholes, strict=True)
        ]
        speaker = min(range(len(keys)), key=lambda place: (left[place], -wholes[place]))
        moments = [ceil(at * 1e6) for at in (now, *wholes)]
        return [1, speaker + 1, left[speaker], 0, ceil(wholes[speaker]), *taken, *moments]

    def _give_back(self, keys: Sequence[bytes], arguments: Sequence[bytes]) -> None:
        """Do what `limits_back.lua` does."""
        for place, key in enumerate(keys):
            state = self._states.get(key)
            if state is None:
                continue
            _, rule = self._rule(arguments[5 * place : 5 * place + 4])
            taken, whole = (int(one) / 1e6 for one in arguments[5 * place + 4].split(b":"))
            left = rule.give_back(state, taken, whole, self._wall_clock())
            if left is None:
                del self._states[key]
            else:
                self._states[key] = left

    def _whole(self, key: bytes, now: float) -> float:
        """Return when a limit is whole again: of its state, see `gateway.limiting.limit.Rule`."""
        state = self._states.get(key)
        return now if state is None else max(now, state[0] if isinstance(state, list) else state)

    def _rule(self, said: Sequence[bytes]) -> tuple[Limit, Rule]:
        """Return the limit that four arguments of a script are."""
        found = self._rules.get(tuple(said))
        if found is None:
            number, unit, depth, sliding = int(said[1]), float(said[2]), int(said[3]), said[0] == b"s"
            window = (unit * depth if sliding else unit * number) / 1e6
            limit = Limit(b"", "", number, window, number if sliding else depth, sliding)
            found = self._rules[tuple(said)] = limit, rule_of(limit)
        return found


def with_redis(
    settings: Settings, written: Redis | None, network: MemoryNetwork, wall_clock: Callable[[], float]
) -> tuple[RedisServer, Settings]:
    """Make a server, and return it with settings by which limits are counted there; caches and keys stay in memory.

    Args:
        settings: Of a gateway in memory (`gateway.rehearsal.enclosing`).
        written: The `redis` section of the configuration; None where it has none.
        network: Where the server listens.
        wall_clock: Unix seconds.
    """
    if written is None:
        # No section is made up: gateways tell each other of credentials and purges only where there is one.
        address = parse_redis_url(Redis.unwritten().url).hosts[0]
        return RedisServer(network, wall_clock, *address), settings.model_copy(update={"rate_limit_store": "redis"})
    redis = Redis(url=f"redis://{HOST}:{PORT}/0", timeout=written.timeout, pool=written.pool)
    changed = settings.model_copy(update={"redis": redis, "rate_limit_store": "redis"})
    return RedisServer(network, wall_clock), changed


def _integers(numbers: Sequence[int]) -> bytes:
    return b"*%d\r\n" % len(numbers) + b"".join(b":%d\r\n" % one for one in numbers)
