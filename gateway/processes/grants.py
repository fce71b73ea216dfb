"""Refresh tokens of all workers: the parent keeps the families (`refresh_store: memory`), workers ask it.

A token is good for one use, in whichever worker it is shown, so that somebody has to decide; and it is shown once an
hour, not for every request.

Tests: `tests/contracts/test_grant_store.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Protocol

from twisted.internet.defer import Deferred

from gateway.errors import AuthUnavailable
from gateway.identity.refresh import Grant, MemoryGrants, Shown, Turned
from gateway.processes.channel import ChannelError

GRANTS: Final = "grants"
"""The kind of the channel's questions: the name of the method, and what it is called with."""

PATIENCE: Final = 5.0


class Asks(Protocol):
    """Asks the other end of a channel."""

    def ask(self, kind: str, body: Any = None, patience: float = ...) -> Deferred[Any]: ...


class AskedGrants:
    """Families that the parent keeps (a `gateway.identity.refresh.GrantStore`).

    Args:
        channel: To the parent.
    """

    def __init__(self, channel: Asks) -> None:
        self._channel = channel

    async def begin(self, token: Shown, grant: Grant, now: float, expires: float) -> None:
        """Keep a new family."""
        await self._ask("begin", list(token), [grant.client, list(grant.scopes)], now, expires)

    async def turn(self, shown: Shown, following: Shown, now: float, expires: float) -> Turned | None:
        """Replace the current token of a family, or end the family."""
        turned = await self._ask("turn", list(shown), list(following), now, expires)
        if turned is None:
            return None
        client, scopes, good = turned
        return Turned(Grant(client, tuple(scopes)), good)

    async def end(self, family: str) -> None:
        """End a family."""
        await self._ask("end", family)

    async def _ask(self, *question: Any) -> Any:
        try:
            return await self._channel.ask(GRANTS, question, PATIENCE)
        except ChannelError as error:
            raise AuthUnavailable() from error


def answerer(grants: MemoryGrants) -> Callable[[Any], Any]:
    """Return what answers in the parent.

    Args:
        grants: Keeps the families.
    """

    def begin(token: list[str], grant: list[Any], now: float, expires: float) -> None:
        client, scopes = grant
        grants.begin(Shown(*token), Grant(client, tuple(scopes)), now, expires)

    def turn(shown: list[str], following: list[str], now: float, expires: float) -> Any:
        turned = grants.turn(Shown(*shown), Shown(*following), now, expires)
        return None if turned is None else [turned.grant.client, list(turned.grant.scopes), turned.good]

    methods: dict[str, Callable[..., Any]] = {"begin": begin, "turn": turn, "end": grants.end}
    return lambda question: methods[question[0]](*question[1:])
