"""Plugins of a simulation: in some runs routes have some, and these do to exchanges what plugins do, and must not do.

What one does to an exchange is drawn by its target, so that nothing else of a run is drawn otherwise for it.
"""

from __future__ import annotations

import random
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from gateway.plugin import Exchange, Recording, Response, Services, filter_request, filter_response

NAMES = ("one", "two")


def happens(seed: int) -> bool:
    """Whether the run of a seed has plugins."""
    return random.Random(f"outsiders {seed}").random() < 0.25  # nothing is kept secret


def draw(chance: random.Random, routes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Give routes plugins; returns those that there are.

    Args:
        chance: Of these draws alone.
        routes: Of the configuration.
    """
    for route in routes:
        route["plugins"] = chance.sample(NAMES, chance.choice((0, 1, 2)))
    return [
        {
            "name": name,
            "class": f"{__name__}.Meddler",
            "config": {"salt": chance.choice("abc")},
            "on_error": chance.choice(("continue", "continue", "reject")),
            "timeout": chance.choice((0.3, 2)),
        }
        for name in NAMES
    ]


class Meddler:
    """Does to each exchange what its target says."""

    name = ""

    def __init__(self, config: dict[str, str]) -> None:
        self._salt = config["salt"]
        self._clock: Any = None

    async def start(self, services: Services) -> None:
        self._clock = services.clock

    def stop(self) -> None:
        """Nothing is open; that it is there has exchanges counted."""

    def on_request(self, exchange: Exchange) -> Any:
        chance = self._chance(exchange, "request")
        if chance.random() < 0.1:
            return Response(503, body=b"no")
        if chance.random() < 0.2:
            filter_request(exchange, Recording(100))
        exchange.headers_out.append((b"X-Meddled", self.name.encode()))
        return self._meddle(chance)

    def on_response(self, exchange: Exchange) -> Any:
        chance = self._chance(exchange, "response")
        if chance.random() < 0.2:
            filter_response(exchange, Recording(100))
        if exchange.response is not None:
            exchange.response.headers.add(b"X-Meddled", self.name.encode() + (b"\r\n" * (chance.random() < 0.1)))
        return self._meddle(chance)

    def on_finish(self, exchange: Exchange) -> Any:
        return self._meddle(self._chance(exchange, "finish"))

    def _chance(self, exchange: Exchange, hook: str) -> random.Random:
        return random.Random(f"{self._salt} {self.name} {hook} {exchange.request.target!r}")

    def _meddle(self, chance: random.Random) -> Any:
        kind = chance.random()
        if kind < 0.6:
            return None
        if kind < 0.65:
            raise ValueError
        if kind < 0.7:
            raise SystemExit
        if kind < 0.75:
            return "nonsense"
        if kind < 0.8:
            return Deferred()
        return self._wait(chance.choice((0, 0.1, 1, 3)), kind < 0.85)

    async def _wait(self, seconds: float, fails: bool) -> None:
        await deferLater(self._clock, seconds, lambda: None)
        if fails:
            raise KeyError
