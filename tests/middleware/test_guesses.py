"""Secrets that are compared as far as the one who shows them may ask."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from twisted.internet.defer import ensureDeferred
from twisted.logger import capturedLogs

from gateway.errors import LimitExceeded
from gateway.exchange import Exchange
from gateway.headers import Headers
from gateway.message import Request
from gateway.middleware.guesses import Guesses, Words
from tests.peers import direct


class Bench:
    """Guesses over parts that write down what they are asked."""

    def __init__(self, left: bool = True, in_advance: bool = False) -> None:
        self.events: list[Any] = []
        self.left = left
        self.in_advance = in_advance
        self.guesses = Guesses(self, self, Words("user", "password", "of the file"))

    async def matches(self, secret: str, encoded: str, decoy: bool) -> bool:
        self.events.append("matches")
        return secret == "right" and not decoy

    async def spares(self, secret: str, encoded: str, decoy: bool) -> bool:
        self.events.append("spares")
        return secret == "right" and not decoy

    async def admit(self, exchange: Exchange, client: str, is_right: Callable[[], Awaitable[bool]] | None) -> bool:
        self.events.append("admit")
        if not self.left and not (is_right is not None and await is_right()):
            raise LimitExceeded()
        return self.in_advance or not self.left

    async def failed(self, exchange: Exchange) -> None:
        self.events.append("failed")

    def ask(self, secret: str, decoy: bool = False) -> Any:
        """Show a secret; return whether it is right, or the error."""
        nobody: Any = None
        exchange = Exchange(Request(b"GET", b"/", Headers()), nobody, direct(), 0.0, 1.0)
        found: list[Any] = []
        asked = ensureDeferred(self.guesses.right(exchange, "alice", secret, "hash", decoy))
        asked.addBoth(lambda result: found.append(getattr(result, "value", result)))
        return found[0]


def test_an_attempt_is_counted_before_it_is_compared() -> None:
    """And a failure after that, unless it was counted in advance."""
    bench = Bench()
    assert (bench.ask("right"), bench.events) == (True, ["admit", "matches"])

    bench = Bench()
    assert (bench.ask("wrong"), bench.events) == (False, ["admit", "matches", "failed"])

    bench = Bench(in_advance=True)
    assert (bench.ask("wrong"), bench.events) == (False, ["admit", "matches"])


def test_who_has_no_attempts_left() -> None:
    """A right secret passes; a wrong one, and that of who does not exist, cost one comparison and are refused."""
    assert Bench(left=False).ask("right") is True
    for secret, decoy in (("wrong", False), ("right", True)):
        bench = Bench(left=False)
        assert isinstance(bench.ask(secret, decoy), LimitExceeded)
        assert bench.events == ["admit", "spares"]


@pytest.mark.parametrize(("decoy", "words"), [(True, "an unknown user"), (False, "the password of user alice")])
def test_the_log_has_no_name_that_nobody_has(decoy: bool, words: str) -> None:
    """It may be a secret in the wrong field."""
    with capturedLogs() as logs:
        assert Bench().ask("wrong", decoy) is False

    (event,) = logs
    assert event["client"] == words
    assert "wrong" not in repr({key: value for key, value in event.items() if key != "log_source"})
