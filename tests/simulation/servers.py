"""Backends that go well and badly: what they answer, when, how much of it, and what becomes of the connection."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from gateway.testing.backend import Asked, BackendConnection, FakeBackend

LENGTHS = (0, 1, 100, 5_000, 70_000, 200_000)
KINDS = ("whole", "pieces", "late", "fails", "silent", "cut", "closed", "malformed", "extra", "early", "switches")
MOODS: dict[str, tuple[int, ...]] = {
    "well": (70, 20, 10, 0, 0, 0, 0, 0, 0, 1, 60),
    "failing": (20, 0, 0, 80, 0, 0, 0, 0, 0, 0, 5),
    "silent": (10, 0, 10, 0, 80, 0, 0, 0, 0, 0, 5),
    "breaking off": (30, 10, 0, 0, 0, 40, 20, 0, 0, 0, 20),
    "confused": (30, 10, 0, 0, 0, 0, 0, 40, 20, 20, 20),
    "anything": (20, 10, 10, 10, 5, 10, 10, 10, 10, 10, 30),
}
"""How often each of `KINDS` comes about."""

HEAD = b"HTTP/1.1 %d X\r\nX-Answer: %d\r\n"
MALFORMED = (
    b"HTP/1.1 200 OK\r\n\r\n",
    b"HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000 + b"\r\n\r\n",
    b"\x00\x01\x02",
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: nobody-asked\r\nConnection: Upgrade\r\n\r\n",
)


class Answer:
    """What a backend means to say to a request.

    Attributes:
        number: Which answer; it stands in its head.
        to: The number of the request.
        status: Its status; 101 makes the rest the octets of a tunnel.
        body: Its content, whole.
        octets: All that is sent for it.
        end: What becomes of the connection then: `keep`, `close`, `reset`.
        sound: Whether a client may get it as complete.
        left: What has not been sent yet.
    """

    def __init__(
        self, number: int, to: int, status: int, body: bytes, octets: bytes, end: str = "keep", sound: bool = True
    ) -> None:
        self.number = number
        self.to = to
        self.status = status
        self.body = body
        self.octets = self.left = octets
        self.end = end
        self.sound = sound


class Book:
    """All answers of a run; a number for each."""

    def __init__(self) -> None:
        self.answers: list[Answer] = []

    def write(self, to: int, status: int, body: bytes, make: Callable[[int], bytes], sound: bool = True) -> Answer:
        """Put down an answer; its octets are made with its number."""
        number = len(self.answers)
        self.answers.append(Answer(number, to, status, body, make(number), sound=sound))
        return self.answers[-1]


class Server:
    """One backend and how it is.

    Args:
        name: Its name.
        backend: In the network.
        chance: Draws.
        book: Takes its answers.
        wrong: Hears of what a gateway must not do to a backend.

    Attributes:
        mood: One of `MOODS`.
        connecting: What becomes of new connections: `accepts`, `refuses`, `swallows`, or `cut off` for a partition.
    """

    def __init__(
        self, name: str, backend: FakeBackend, chance: Random, book: Book, wrong: Callable[[str], None]
    ) -> None:
        self.name = name
        self.backend = backend
        self.mood = "well"
        self.connecting = "accepts"
        self._chance = chance
        self._book = book
        self._wrong = wrong
        self._owed: dict[BackendConnection, Answer] = {}
        self._asked: dict[BackendConnection, Asked] = {}
        backend.answer_head = self._head_came
        backend.answer = self._all_came

    # What the scheduler does to it.

    def change(self) -> str:
        """Go better or worse; says how."""
        chance = self._chance
        before = self.connecting
        if chance.random() < 0.5:
            self.mood = chance.choice(list(MOODS))
        else:
            self.connecting = chance.choice(("accepts", "accepts", "refuses", "swallows", "cut off"))
        self.backend.resets = chance.random() < 0.1
        if self.connecting == "accepts":
            self.backend.accept_connections()
        elif self.connecting == "refuses":
            self.backend.refuse_connections()
        else:
            self.backend.swallow_connections()
        for connection in self.live():
            if self.connecting == "cut off":
                connection.stop_reading()
            elif before == "cut off":
                connection.read_on() if chance.random() < 0.5 else connection.reset()
        resets = ", resets what comes" if self.backend.resets else ""
        return f"{self.name} is {self.mood}, {self.connecting}{resets}"

    def recover(self) -> str:
        """Be well again."""
        self.mood, self.backend.resets = "well", False
        if self.connecting == "cut off":
            for connection in self.live():
                connection.read_on()
        self.connecting = "accepts"
        self.backend.accept_connections()
        return f"{self.name} recovers"

    def touch(self) -> str:
        """Do something to one of its connections; says what."""
        connections = self.live()
        if not connections or self.connecting == "cut off":
            return ""
        position = self._chance.randrange(len(connections))
        how = self._chance.choice(("reset", "close", "speak", "stop_reading", "read_on", "read_on"))
        connection = connections[position]
        if how == "speak":
            # Of a tunnel it is content; else an answer that nobody asked for.
            if connection.raw_mode or connection in self._owed:
                return ""
            connection.send(self._unasked())
        elif how == "close" and connection in self._owed:
            return ""  # that would be the end of some answers; `closed` does it knowingly
        else:
            self._owed.pop(connection, None) if how in ("reset", "close") else None
            getattr(connection, how)()
        return f"{self.name} connection {position}: {how}"

    def pay(self) -> str:
        """Send more of an answer; says which."""
        owed = [connection for connection in self._owed if connection.lost is None]
        if not owed or self.connecting == "cut off":
            return ""
        connection = self._chance.choice(owed)
        answer = self._owed[connection]
        most = len(answer.left)
        some = most if self._chance.random() < 0.5 else self._chance.randint(1, max(1, most))
        part, answer.left = answer.left[:some], answer.left[some:]
        connection.send(part)
        if not answer.left:
            self._is_sent(connection, answer)
        return f"{self.name} sends {len(part)} of answer {answer.number}, {len(answer.left)} left"

    def live(self) -> list[BackendConnection]:
        """Return the connections that are open."""
        return [connection for connection in self.backend.connections if connection.lost is None]

    # What the gateway asks.

    def _head_came(self, asked: Asked) -> bytes | None:
        connection = asked.connection
        if connection in self._asked:
            self._wrong(f"{self.name} got {asked.target!r} on a connection that owes another answer")
        self._asked[connection] = asked
        if self.mood in ("confused", "anything") and self._chance.random() < 0.15:
            self._answer(asked, "whole" if self._chance.random() < 0.5 else "pieces")
        return None

    def _all_came(self, asked: Asked) -> bytes | None:
        connection = asked.connection
        if self._asked.get(connection) is asked and connection not in self._owed:
            kinds, weights = KINDS, MOODS[self.mood]
            if asked.headers.get(b"upgrade") is None:
                kinds, weights = KINDS[:-1], weights[:-1]
            [kind] = self._chance.choices(kinds, weights)
            if kind != "silent":
                self._answer(asked, kind)
        return None

    def _answer(self, asked: Asked, kind: str) -> None:
        answer = self._make(asked, kind)
        if kind in ("cut", "closed"):
            answer.left = answer.left[: self._chance.randrange(len(answer.left))]
        self._owed[asked.connection] = answer
        if kind in ("pieces", "late") or not answer.left:
            return
        part = answer.left if kind != "cut" else answer.left[: self._chance.randint(1, len(answer.left))]
        answer.left = answer.left[len(part) :]
        asked.connection.send(part)
        if not answer.left:
            self._is_sent(asked.connection, answer)

    def _is_sent(self, connection: BackendConnection, answer: Answer) -> None:
        del self._owed[connection]
        if answer.end == "keep":
            self._asked.pop(connection, None)
        elif answer.end == "close":
            connection.close()
        else:
            connection.reset()

    # What it answers.

    def _make(self, asked: Asked, kind: str) -> Answer:
        chance, book = self._chance, self._book
        to = number_of(asked.target)
        if kind == "malformed":
            octets = chance.choice(MALFORMED)
            return self._ending(book.write(to, 200, b"", lambda _: octets, sound=False), "keep")
        if kind == "switches":
            switch = b"Connection: Upgrade\r\nUpgrade: echo\r\n\r\nhello"
            return self._ending(book.write(to, 101, b"hello", lambda number: HEAD % (101, number) + switch), "keep")
        status = chance.choice((200, 200, 200, 200, 404, 204, 304))
        if kind == "fails":
            status = chance.choice((500, 502, 503, 504))
        bodiless = asked.method == b"HEAD" or status in (204, 304)
        body = b"" if bodiless else content(b"answer to %d." % to, chance.choice(LENGTHS))
        framing = chance.choice(("length", "length", "chunked", "close"))
        if kind in ("closed", "extra") and framing == "close":
            framing = "length"  # else it would be content that is not what was meant
        early = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" if kind == "early" else b""
        wrong = kind in ("cut", "closed")
        answer = book.write(
            to, status, body, lambda number: early + HEAD % (status, number) + framed(framing, body, bodiless), not wrong
        )
        if kind == "extra":
            answer.octets = answer.left = answer.octets + self._unasked()
        if wrong:
            return self._ending(answer, "reset" if kind == "cut" else "close")
        closes = framing == "close" and not bodiless
        return self._ending(answer, "close" if closes or chance.random() < 0.1 else "keep")

    def _ending(self, answer: Answer, end: str) -> Answer:
        answer.end = end
        return answer

    def _unasked(self) -> bytes:
        body = b"nobody asked"
        head = b"Content-Length: 12\r\n\r\n"
        return self._book.write(-1, 200, body, lambda number: HEAD % (200, number) + head + body, sound=False).octets


def number_of(target: bytes) -> int:
    """Return the number of a request; -1 for a health check."""
    text = target.rpartition(b"/")[2]
    return int(text) if text.isdigit() else -1


def content(of: bytes, size: int) -> bytes:
    """Return content that tells whose it is."""
    return (of * (size // len(of) + 1))[:size]


def framed(framing: str, body: bytes, bodiless: bool) -> bytes:
    """Return the end of a head, and content."""
    if bodiless:
        return b"\r\n"
    if framing == "length":
        return b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
    if framing == "chunked":
        chunks = b"%x\r\n%b\r\n" % (len(body), body) if body else b""
        return b"Transfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n"
    return b"Connection: close\r\n\r\n" + body
