"""Backends of a simulation: they remember what they were sent, and misbehave as they are told."""

from __future__ import annotations

import random
from typing import NamedTuple

from gateway.memory.backend import Asked, BackendConnection, FakeBackend
from tests.simulation import beside, rules, shared

SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n"
EARLY = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
NOBODY_ASKED = b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\nnobody asked"
NONSENSE = (
    b"SSH-2.0\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx",
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000 + b"\r\n\r\n",
    b"\x00\x01",
)
SIZES = (0, 1, 40, 3_000, 70_000, 400_000)


def content(target: bytes, size: int) -> bytes:
    """What belongs to a target: nobody else's content looks like it."""
    return (target * (size // len(target) + 1))[:size]


class Delivery(NamedTuple):
    """A request that has reached a backend.

    Attributes:
        target: Of the request; every request has its own.
        method: Of it.
        keyed: It carried an Idempotency-Key.
    """

    target: bytes
    method: bytes
    keyed: bool


class Backends:
    """All of them.

    Attributes:
        delivered: What came to any of them.
        said_too_much: Connections on which more was sent than was asked for.

    Args:
        chance: Draws what they do.
        backends: Them.
        sizes: Octets of the answer to each target.
    """

    def __init__(self, chance: random.Random, backends: list[FakeBackend], sizes: dict[bytes, int]) -> None:
        self.backends = backends
        self.delivered: list[Delivery] = []
        self.said_too_much: set[BackendConnection] = set()
        self._chance = chance
        self._sizes = sizes
        self._modes = ["well"] * len(backends)
        self._owed: list[tuple[BackendConnection, bytes, bool]] = []
        self._answered: set[Asked] = set()
        for number, backend in enumerate(backends):
            backend.answer_head = lambda asked, number=number: self._head(asked, number)  # type: ignore[misc]
            backend.answer = lambda asked, number=number: self._whole(asked, number)  # type: ignore[misc]

    def change(self) -> str:
        """One of them is otherwise from now on; returns what was done."""
        if not self.backends:
            return ""
        number = self._chance.randrange(len(self.backends))
        backend = self.backends[number]
        mode = self._chance.choice(
            ["well", "well", "well", "refuse", "swallow", "mute", "fail", "busy", "cut", "close", "reset", "nonsense",
             "early", "hints", "too much", "cut off"]
        )  # fmt: skip
        before, self._modes[number] = self._modes[number], mode
        backend.accept_connections()
        for connection in backend.connections:
            if connection.closed is None:
                # A partition: nothing arrives, nothing comes; when it is over, either side may have given up.
                if mode == "cut off":
                    connection.stop_reading()
                elif before == "cut off":
                    connection.read_on() if self._chance.random() < 0.5 else connection.reset()
        if mode == "refuse":
            backend.refuse_connections()
        elif mode in ("swallow", "cut off"):
            backend.swallow_connections()
        return f"backend {number} is {mode}"

    def disturb(self) -> str:
        """Something happens to one connection; returns what."""
        if not self.backends:
            return ""
        number = self._chance.randrange(len(self.backends))
        connections = [one for one in self.backends[number].connections if one.closed is None]
        if not connections:
            return ""
        how = self._chance.choice(["reset", "stop_reading", "read_on", "read_on"])
        getattr(self._chance.choice(connections), how)()
        return f"backend {number}: {how}"

    def pay(self) -> str:
        """One sends a part of what it owes; returns how much."""
        if not self._owed:
            return ""
        connection, left, closes = self._owed.pop(self._chance.randrange(len(self._owed)))
        if self._modes[self.backends.index(connection.backend)] == "cut off":
            self._owed.append((connection, left, closes))
            return ""
        part = len(left) if self._chance.random() < 0.5 else self._chance.randint(1, len(left))
        connection.send(left[:part])
        if part < len(left):
            self._owed.append((connection, left[part:], closes))
        elif closes:
            connection.close()
        return f"{part} octets of an answer"

    def recover(self) -> None:
        """All are well, and send what they owe."""
        for number, backend in enumerate(self.backends):
            self._modes[number] = "well"
            backend.accept_connections()
            for connection in backend.connections:
                if connection.closed is None:
                    connection.read_on()
        while self._owed:
            connection, left, closes = self._owed.pop(0)
            connection.send(left)
            if closes:
                connection.close()

    def _head(self, asked: Asked, number: int) -> bytes | None:
        if asked.target == b"/health":
            return None
        keyed = asked.headers.get(b"idempotency-key") is not None
        self.delivered.append(Delivery(rules.asked_for(asked.target), asked.method, keyed))
        return self._answer(asked, number) if self._modes[number] == "early" else None

    def _whole(self, asked: Asked, number: int) -> bytes | None:
        if asked in self._answered:
            return None
        return self._answer(asked, number)

    def _content(self, asked: Asked) -> tuple[int, bytes, bytes]:
        """Return how long the content of an answer is, what is sent of it, and the line that says what it is."""
        target = rules.asked_for(asked.target)
        body, kind = content(shared.own(target, asked.headers.get(shared.WHO)), self._sizes.get(target, 0)), b""
        if beside.is_part(target) or self._chance.random() < 0.3:
            body, kind = rules.as_json(body), b"%b: %b\r\n" % rules.JSON
        return len(body), b"" if asked.method == b"HEAD" else body, kind

    def _written(self, asked: Asked, size: int, body: bytes, kind: bytes) -> tuple[bytes, bool]:
        """Return an answer as it is written, and whether its end is that of the connection."""
        said, unchanged = shared.says(self._chance, rules.asked_for(asked.target), asked.headers)
        kind += b"".join(b"%b: %b\r\n" % field for field in said)
        if unchanged:
            return b"HTTP/1.1 304 Not Modified\r\n%b\r\n" % kind, False
        if self._chance.random() < 0.6:
            return b"HTTP/1.1 200 OK\r\n%bContent-Length: %d\r\n\r\n%b" % (kind, size, body), False
        if asked.method == b"HEAD" or self._chance.random() < 0.8:
            chunks = b"%x\r\n%b\r\n" % (size, body) if body else b""
            end = b"" if asked.method == b"HEAD" else b"0\r\n\r\n"
            return b"HTTP/1.1 200 OK\r\n%bTransfer-Encoding: chunked\r\n\r\n" % kind + chunks + end, False
        return b"HTTP/1.1 200 OK\r\n%bConnection: close\r\n\r\n" % kind + body, True

    def _answer(self, asked: Asked, number: int) -> bytes | None:
        mode, connection = self._modes[number], asked.connection
        self._answered.add(asked)
        if mode == "mute":
            return None
        if mode == "reset":
            connection.reset()
            return None
        size, body, kind = self._content(asked)
        if mode in ("fail", "busy"):
            status = b"500 Failed" if mode == "fail" else b"503 Busy"
            return b"HTTP/1.1 %b\r\nContent-Length: 0\r\n\r\n" % status
        if mode == "nonsense":
            return self._chance.choice(NONSENSE)
        if asked.headers.get(b"upgrade") and self._chance.random() < 0.7:
            return SWITCH + b"hello"
        whole, closes = self._written(asked, size, body, kind)
        if mode == "hints":
            whole = EARLY + whole
        if mode in ("cut", "close") and not closes:
            connection.send(whole[: self._chance.randint(1, len(whole) - 1)])
            connection.reset() if mode == "cut" else connection.close()
            return None
        if mode == "too much" and not closes:
            # In one piece with the answer, so that the gateway can know that nobody asked for it.
            self.said_too_much.add(connection)
            return whole + NOBODY_ASKED
        if self._chance.random() < 0.4 and not closes:
            return whole
        self._owed.append((connection, whole, closes))
        return None
