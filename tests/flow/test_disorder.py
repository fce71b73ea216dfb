"""Anything may happen at any time: whatever the order, answers are whole and go to whom they belong, and all ends."""

from __future__ import annotations

import random
from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st
from twisted.logger import capturedLogs

from gateway.memory.backend import Asked, BackendConnection, FakeBackend
from gateway.testing import FakeClient, Harness

SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n"
LENGTHS = (0, 1, 100, 5_000, 70_000, 200_000)


def content(target: bytes, size: int) -> bytes:
    """What belongs to a target."""
    return (target * (size // len(target) + 1))[:size]


class Talk:
    """A client and what it has asked."""

    def __init__(self, client: FakeClient) -> None:
        self.client = client
        self.asked: list[tuple[bytes, int]] = []
        self.left = b""  # of a request that is sent in parts
        self.done = False

    def check(self) -> None:
        """Every answer is the one to the request in its place, and only the last may be cut off."""
        responses = self.client.responses()
        for (target, size), response in zip(self.asked, responses, strict=False):
            if response.status in (200, 101):
                wanted = content(target, size) if response.status == 200 else response.body
                assert response.body == wanted[: len(response.body)], (target, size, response.body[:100])
                assert not response.complete or response.body == wanted
            if response is not responses[-1]:
                assert response.complete
        assert len(responses) <= len(self.asked) + 1  # and a 408 or 400 for what was no request


class World:
    """A gateway, its clients and its backends, and everything that they may do."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.harness = Harness("one", "two", seed=seed, disorder=True, routes=[self.route("one"), self.route("two")])
        self.talks: list[Talk] = []
        self.owed: list[tuple[BackendConnection, bytes, bool]] = []
        self.answered: list[Asked] = []
        self.number = 0
        self.sizes: dict[bytes, int] = {}
        for name in ("one", "two"):
            self.harness.backend(name).answer = self.answer
            self.harness.backend(name).answer_head = self.answer_early
        self.reload()
        self.acts: list[Callable[[], None]] = [
            self.connect,
            self.ask,
            self.ask,
            self.ask,
            self.send_on,
            self.leave,
            self.read,
            self.pay,
            self.pay,
            self.pay,
            self.backend_breaks,
            self.backend_changes,
            self.wait,
            self.reload,
        ]

    def route(self, name: str) -> dict[str, object]:
        return {"name": name, "path": f"/{name}/*", "upstream": name, "timeout": self.chance.choice((1, 10, 60))}

    # What the backends do.

    def answer(self, asked: Asked) -> bytes | None:
        return None if asked in self.answered else self.reply(asked)

    def answer_early(self, asked: Asked) -> bytes | None:
        return self.reply(asked) if self.chance.random() < 0.1 else None

    def reply(self, asked: Asked) -> bytes | None:
        self.answered.append(asked)
        chance = self.chance.random()
        size = self.sizes.get(asked.target, 0)
        body = content(asked.target, size)
        if asked.headers.get(b"upgrade") and chance < 0.7:
            whole = SWITCH + b"hello"
        elif chance < 0.5:
            whole = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (size, body)
        elif chance < 0.9:
            chunks = b"%x\r\n%b\r\n" % (size, body) if size else b""
            whole = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n"
        else:
            whole = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + body
        if self.chance.random() < 0.3 and chance < 0.9:
            return whole
        self.owed.append((asked.connection, whole, chance >= 0.9))
        return None

    def pay(self) -> None:
        """A backend sends a part of what it owes."""
        if not self.owed:
            return
        position = self.chance.randrange(len(self.owed))
        connection, left, closes = self.owed.pop(position)
        part = self.chance.randint(1, len(left))
        if self.chance.random() < 0.5:
            part = len(left)
        connection.send(left[:part])
        if part < len(left):
            self.owed.insert(position, (connection, left[part:], closes))
        elif closes or self.chance.random() < 0.1:
            connection.close()

    def some_backend(self) -> FakeBackend:
        return self.harness.backend(self.chance.choice(("one", "two")))

    def backend_breaks(self) -> None:
        """A connection to a backend ends, or is slow."""
        connections = [one for one in self.some_backend().connections if one.closed is None]
        if connections:
            connection = self.chance.choice(connections)
            # Not while half of an answer without a length is out: closing would end it in good order.
            how = self.chance.choice(["reset", "reset", "stop_reading", "read_on", "read_on"])
            getattr(connection, how)()

    def backend_changes(self) -> None:
        """It accepts, refuses or swallows connections."""
        backend = self.some_backend()
        accept, refuse, swallow = backend.accept_connections, backend.refuse_connections, backend.swallow_connections
        self.chance.choice([accept, accept, refuse, swallow])()

    # What the clients do.

    def connect(self) -> None:
        self.talks.append(Talk(self.harness.client()))

    def some_talk(self) -> Talk | None:
        talks = [talk for talk in self.talks if talk.client.closed is None and not talk.done]
        return self.chance.choice(talks) if talks else None

    def ask(self) -> None:
        """Send requests, the last perhaps in part."""
        talk = self.some_talk()
        if talk is None or talk.left:
            return
        data = b""
        for _ in range(self.chance.choice((1, 1, 1, 3))):
            self.number += 1
            target = b"/%b/%d" % (self.chance.choice((b"one", b"two")), self.number)
            self.sizes[target] = self.chance.choice(LENGTHS)
            talk.asked.append((target, self.sizes[target]))
            data += self.request(target)
        cut = self.chance.randint(1, len(data)) if self.chance.random() < 0.3 else len(data)
        talk.left = data[cut:]
        talk.client.send(data[:cut])

    def request(self, target: bytes) -> bytes:
        kind = self.chance.random()
        if kind < 0.5:
            return b"GET %b HTTP/1.1\r\nHost: h\r\n\r\n" % target
        if kind < 0.6:
            return b"GET %b HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n" % target
        size = self.chance.choice(LENGTHS)
        if kind < 0.8:
            return b"POST %b HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n%b" % (target, size, b"x" * size)
        chunks = b"%x\r\n%b\r\n" % (size, b"x" * size) if size else b""
        return b"PUT %b HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n%b0\r\n\r\n" % (target, chunks)

    def send_on(self) -> None:
        """Send more of what is left."""
        for talk in self.talks:
            if talk.left and talk.client.closed is None and self.chance.random() < 0.7:
                cut = self.chance.randint(1, len(talk.left))
                talk.client.send(talk.left[:cut])
                talk.left = talk.left[cut:]

    def leave(self) -> None:
        """Reset, close, close one half."""
        talk = self.some_talk()
        if talk is not None:
            talk.done = True
            talk.left = b""
            talk.client.half_open = True
            getattr(talk.client, self.chance.choice(["reset", "close", "half_close"]))()

    def read(self) -> None:
        """Read slowly, or again."""
        talk = self.some_talk()
        if talk is not None:
            getattr(talk.client, self.chance.choice(["stop_reading", "read_on", "read_on"]))()

    # What time and the operator do.

    def wait(self) -> None:
        self.harness.advance(self.chance.choice((0.1, 0.5, 3, 12)))

    def reload(self) -> None:
        pool = {"max_connections": self.chance.choice((1, 2, 100)), "max_pending": self.chance.choice((0, 1, 1000))}
        names = self.chance.choice((["one"], ["one", "two"], ["two", "one"]))
        self.harness.apply(
            upstreams=[self.harness.upstream(name, pool=pool) for name in names],
            routes=[self.route(name) for name in names],
        )

    def run(self, steps: int) -> None:
        for _ in range(steps):
            self.chance.choice(self.acts)()
            if self.chance.random() < 0.6:
                self.harness.network.pump()
        self.harness.network.pump()
        for talk in self.talks:
            talk.check()

    def end(self) -> None:
        self.harness.hang_up()
        for name in ("one", "two"):
            for connection in self.harness.backend(name).connections:
                connection.read_on()
        self.harness.advance(90)
        self.harness.check_quiet()
        assert not self.harness.gateway.site.channels
        ids = [record["request_id"] for record in self.harness.logs]
        assert len(ids) == len(set(ids))
        closed = self.harness.gateway.foundation.pool.closeCachedConnections()
        self.harness.advance(15)
        assert closed.called
        assert not self.harness.network.transports, "connections that nobody will ever close"
        assert len(self.harness.gateway.foundation.deadlines) == 0


@given(st.integers(0, 2**32))
def test_whatever_happens(seed: int) -> None:
    """Every answer is whole or visibly not, is the client's own, and nothing is left behind."""
    with capturedLogs() as events:
        world = World(seed)
        world.run(60)
        world.end()

    assert [event for event in events if "log_failure" in event] == []
