"""Purges of many kept answers at once, by route, by tag or all, as all instances know them through Redis.

Asked by `gateway.storage.cached_answers`. Looking for thousands of answers would take long; so a purge is only written
down, with a number, and an answer that is found is compared with the purges after the one that it was kept under. Who
looks for an answer reads the last number in the same turn: where it is not the one that this instance knows, the purges
since are read before anything is given. So no instance gives what was purged anywhere, messages or no messages.

Tests: `tests/storage/test_cached_answers.py::test_redis_that_lost_its_purges_has_lost_the_answers_of_before`.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final

from gateway.storage.errors import StoreUnavailable
from gateway.storage.resp import Script

if TYPE_CHECKING:
    from twisted.internet.defer import Deferred

    from gateway.storage.redis import RedisStore

NUMBER: Final = b"gw:cache:{purges}:last"
_KEYS: Final = (NUMBER, b"gw:cache:{purges}:list", b"gw:cache:{purges}:forgotten")
_SCRIPT: Final = Script(files("gateway.storage").joinpath("cached_purges.lua").read_bytes())

MOST: Final = 4096
"""Purges that are remembered; an answer from before one that was forgotten counts as purged."""


class Purges:
    """What is known of them.

    Args:
        redis: Where they are.

    Attributes:
        last: Number of the last one that is known; 0 before any was read.
    """

    def __init__(self, redis: RedisStore) -> None:
        self.last = 0
        self._redis = redis
        self._forgotten = 0
        self._noted: dict[bytes, int] = {}
        self._reading = False

    def newest(self) -> Deferred[Any]:
        """Ask for the number of the last purge there is."""
        return self._redis.command(b"GET", NUMBER)

    def met(self, number: int, names: Iterable[bytes]) -> bool:
        """Whether an answer that was kept under a number has been purged since.

        Args:
            number: See above.
            names: What it may be purged by; see `by_route` and `by_tag`.
        """
        return self._forgotten > number or any(self._noted.get(name, 0) > number for name in names)

    async def read(self, wall: float) -> bool:
        """Read what is not known yet; False where that is under way already, or there was no answer.

        Args:
            wall: Seconds of the wall clock: a number that is larger than all before, where Redis has lost those.
        """
        if self._reading:
            return False
        self._reading = True
        try:
            await self.write(b"", wall)
        except StoreUnavailable:
            return False
        finally:
            self._reading = False
        return True

    async def write(self, what: bytes, wall: float) -> None:
        """Purge what a name says, in all instances.

        Args:
            what: See `by_route` and `by_tag`; `*` for everything.
            wall: As in `read`.

        Raises:
            StoreUnavailable: There was no answer; it may have been done or not.
        """
        known = self.last
        args = (b"%d" % (wall * 1e6), MOST, known, what)
        last, forgotten, since = await self._redis.script(_SCRIPT, _KEYS, args)
        if known != self.last and int(last) < self.last:
            return  # answers come in order, but for those of a server that was asked before it was replaced
        for name, number in zip(since[::2], since[1::2], strict=True):
            self._noted[name] = int(float(number))
        self.last, self._forgotten = int(last), int(forgotten)
        if len(self._noted) > MOST:
            self._noted = {name: number for name, number in self._noted.items() if number > self._forgotten}


def by_route(route: str) -> bytes:
    """Return the name of a purge of a route's answers."""
    return b"r" + route.encode()


def by_tag(tag: bytes) -> bytes:
    """Return the name of a purge of the answers with a tag."""
    return b"t" + tag
