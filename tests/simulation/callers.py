"""Clients: what they ask, in which pieces, and how they leave."""

from __future__ import annotations

from random import Random
from typing import Any

from gateway.testing.client import FakeClient, Received, parse_responses
from tests.simulation.servers import LENGTHS, content

METHODS = ("GET", "GET", "GET", "GET", "HEAD", "POST", "POST", "PUT", "DELETE", "PATCH", "OPTIONS")
ONCE = frozenset(["POST", "PATCH"])
"""Methods whose requests must not be delivered twice."""


class Request:
    """One request.

    Attributes:
        number: Stands at the end of its target.
        keyed: Whether it carries an Idempotency-Key.
        since: Number of the configuration that was in force when it was made.
        body: Its content.
        octets: All of it as it is sent.
        sent: Whether all of it has been.
        too_late: Whether the gateway was closing the connection by then.
    """

    def __init__(self, number: int, chance: Random, since: int) -> None:
        self.number = number
        self.since = since
        self.method = chance.choice(METHODS)
        self.route = chance.choice("ab")
        self.target = f"/{self.route}/{number}"
        self.sent = False
        self.too_late = False
        self.keyed = chance.random() < 0.3
        self.upgrades = self.method == "GET" and chance.random() < 0.1
        self.old = not self.upgrades and chance.random() < 0.05
        self.body = b""
        fields = ["Host: h"]
        if self.keyed:
            fields.append("Idempotency-Key: k")
        if self.upgrades:
            fields += ["Connection: Upgrade", "Upgrade: echo"]
        elif chance.random() < 0.05:
            fields.append("Connection: close")
        data = b""
        if self.method in ("POST", "PUT", "PATCH"):
            self.body = data = content(b"request %d." % number, chance.choice(LENGTHS))
            if self.old or chance.random() < 0.5:
                fields.append(f"Content-Length: {len(data)}")
            else:
                fields.append("Transfer-Encoding: chunked")
                data = _chunks(data, chance) + b"0\r\n\r\n"
        version = "1.0" if self.old else "1.1"
        self.octets = "\r\n".join([f"{self.method} {self.target} HTTP/{version}", *fields, "", ""]).encode() + data


def _chunks(data: bytes, chance: Random) -> bytes:
    cut = chance.randint(0, len(data))
    return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (data[:cut], data[cut:]) if part)


class Caller:
    """One client connection.

    Attributes:
        requests: What was asked on it, in order.
        channel: The gateway's end.
        left: Whether it has left by itself.
    """

    def __init__(self, number: int, client: FakeClient, channel: Any, chance: Random) -> None:
        self.number = number
        self.client = client
        self.channel = channel
        self.requests: list[Request] = []
        self.left = ""
        self._chance = chance
        self._pieces: list[tuple[bytes, Request]] = []

    @property
    def idle(self) -> bool:
        """Whether it may ask something."""
        return self.client.closed is None and not self.left and not self._pieces and not self.client.end_of_input

    def ask(self, requests: list[Request]) -> None:
        """Send requests, perhaps in pieces."""
        self.requests += requests
        for request in requests:
            data = request.octets
            if self._chance.random() < 0.3:
                cut = self._chance.randint(1, len(data) - 1)
                self._pieces += [(data[:cut], request), (data[cut:], request)]
            else:
                self._pieces.append((data, request))
        self.send_on(whole=self._chance.random() < 0.7)

    def send_on(self, whole: bool = False) -> str:
        """Send some of what is left of its requests; says how much."""
        sent = 0
        while self._pieces and self.client.closed is None and not self.left:
            data, request = self._pieces.pop(0)
            self.client.send(data)
            sent += len(data)
            last = not any(other is request for _, other in self._pieces)
            request.sent = last
            request.too_late |= self.channel._closing or self.client.end_of_input or bool(self.channel._linger_until)
            if not whole:
                break
        return f"client {self.number} sends {sent} more" if sent else ""

    def leave(self) -> str:
        """Reset, close, or close one half; says which."""
        how = self._chance.choice(("reset", "close", "half_close"))
        self.left = how
        self._pieces.clear()
        self.client.half_open = True
        getattr(self.client, how)()
        return f"client {self.number}: {how}"

    def read(self) -> str:
        """Read no more for now, or go on."""
        how = self._chance.choice(("stop_reading", "read_on", "read_on"))
        getattr(self.client, how)()
        return f"client {self.number}: {how}"

    def responses(self) -> list[Received]:
        """Return what was answered so far."""
        methods = tuple(request.method.encode() for request in self.requests)
        return parse_responses(self.client.received, methods, ended=self.ended_well)

    @property
    def ended_well(self) -> bool:
        """Whether the gateway has said that no more comes."""
        return self.client.end_of_input
