"""Clients of a simulation and what they have asked: of HTTP/1.1, and of HTTP/2 with many requests at a time."""

from __future__ import annotations

import random
from collections.abc import Iterator

from gateway.http2 import codes
from gateway.memory.client import Received, parse_responses
from gateway.testing import FakeClient
from tests.http2.client import Http2Answer, Http2Client
from tests.http2.wire import GOAWAY, PING, RST_STREAM, frame

Answer = Received | Http2Answer


class Talk:
    """A client and what it has asked.

    Attributes:
        asked: Targets and methods, in order.
        left: What it has not sent yet of its last request.
        gone: It has closed, or does not follow the rules any more.
        who: What it says of itself (`tests.simulation.shared`).
    """

    def __init__(self, client: FakeClient) -> None:
        self.client = client
        self.asked: list[tuple[bytes, bytes]] = []
        self.left = b""
        self.gone = False
        self.who = b""
        self._seen = (0, 0, False)

    def ask(self, method: bytes, target: bytes, fields: list[tuple[bytes, bytes]], body: bytes | None) -> None:
        """Put a request behind what is left to send.

        Args:
            method: As it goes out.
            target: Likewise.
            fields: Likewise, those that frame the body among them.
            body: Its content, None for none.
        """
        self.asked.append((target, method))
        lines = b"".join(b"%b: %b\r\n" % field for field in fields)
        self.left += b"%b %b HTTP/1.1\r\nHost: h\r\n%b\r\n" % (method, target, lines)
        if body is None:
            return
        if (b"Transfer-Encoding", b"chunked") in fields:
            body = (b"%x\r\n%b\r\n" % (len(body), body) if body else b"") + b"0\r\n\r\n"
        self.left += body

    def send(self, octets: int) -> None:
        """Send so much of what is left."""
        self.client.send(self.left[:octets])
        self.left = self.left[octets:]

    def send_all(self) -> None:
        """Send what is left."""
        self.send(len(self.left))

    def read_all(self) -> None:
        """Read whatever comes from now on."""
        self.client.read_on()

    def has_news(self) -> bool:
        """Whether something came, or it asked something, since this was called last."""
        before, client = self._seen, self.client
        self._seen = len(client._received), len(self.asked), client.closed is not None or client.end_of_input
        return before != self._seen

    def answers(self) -> list[tuple[bytes, bytes, Answer]]:
        """Return targets, methods and what came for each; raises AssertionError where more came than was asked for."""
        methods = [method for _, method in self.asked]
        # The gateway may have given up waiting for the end of a HEAD: to what was no request yet, its 408 has content.
        received = self.client.received
        timed_out = received.rfind(b"HTTP/1.1 408 ", 0, received.rfind(b"Gateway-Reason: request.timeout") + 1)
        if timed_out >= 0:
            methods[len(parse_responses(received[:timed_out], tuple(methods))) :] = []
        responses = self.client.responses(*methods)
        # And a 408 or 400 for what was no request.
        assert len(responses) <= len(self.asked) + 1, "answered twice"
        assert all(response.complete for response in responses[:-1])
        return [(*asked, response) for asked, response in zip(self.asked, responses, strict=False)]

    def unanswered(self) -> list[tuple[bytes, bytes]]:
        """Return what is asked and not answered, by a client that is there and reads."""
        responses = [response for _, _, response in self.answers()]
        if any(response.status == 101 for response in responses):
            return []
        return self.asked[sum(response.complete for response in responses) :]


class Http2Talk(Talk):
    """A client of HTTP/2: all that it asks is under way at once.

    Args:
        client: Of HTTP/2.
        chance: Draws what it does.
    """

    client: Http2Client

    def __init__(self, client: Http2Client, chance: random.Random) -> None:
        super().__init__(client)
        self._chance = chance
        self._answers: list[Http2Answer] = []
        self._given_up: set[int] = set()
        self._content: dict[int, bytes] = {}  # what is still to be sent, by stream
        self._read: dict[int, int] = {}

    def ask(self, method: bytes, target: bytes, fields: list[tuple[bytes, bytes]], body: bytes | None) -> None:
        self.asked.append((target, method))
        said = [(name.decode().lower(), value.decode()) for name, value in fields if name != b"Transfer-Encoding"]
        answer = self.client.request(method.decode(), target.decode(), said, end=body is None, authority="h")
        self._answers.append(answer)
        if body is not None:
            self._content[answer.sid] = body
        self.left = b"content" if self._content else b""

    def send(self, octets: int) -> None:
        """Send some content, of whichever stream may send some."""
        for sid in self._chance.sample(list(self._content), len(self._content)):
            octets -= self._send_of(sid, octets)
        self.left = b"content" if self._content else b""

    def send_all(self) -> None:
        self.send(10_000_000)

    def _send_of(self, sid: int, octets: int) -> int:
        answer, content = self.client.answers[sid], self._content[sid]
        if answer.reset is not None or self.client.closed is not None:
            del self._content[sid]
            return 0
        part = min(octets, len(content), self.client.peer.local_flow_control_window(sid))
        if part or not content:
            self.client.write(answer, content[:part], end=part == len(content))
        if part == len(content):
            del self._content[sid]
        else:
            self._content[sid] = content[part:]
        return part

    def has_news(self) -> bool:
        before, client = self._seen, self.client
        self._seen = len(client._received), len(self.asked), client.closed is not None
        return before != self._seen

    # What only this client can do; each returns what was done.

    def cancel(self) -> str:
        """Give a request up."""
        open_ = [one for one in self._answers if not one.complete and one.reset is None]
        if not open_:
            return ""
        answer = self._chance.choice(open_)
        self._given_up.add(answer.sid)
        self._content.pop(answer.sid, None)
        # By hand: the library forgets a stream that it has reset, and takes what still comes for an error of ours.
        self.client.send(frame(RST_STREAM, 0, answer.sid, codes.CANCEL.to_bytes(4)))
        return f"cancels {answer.sid}"

    def stall(self) -> str:
        """Give no window back, or all that is owed."""
        if self.client.reads:
            self.client.reads = False
            self._read = {answer.sid: len(answer.body) for answer in self._answers}
            return "stalls"
        self._give_back()
        return "gives windows back"

    def leave(self) -> str:
        """Say that it opens no streams any more."""
        self.client.send(frame(GOAWAY, 0, 0, bytes(8)))
        return "says GOAWAY"

    def ping(self) -> str:
        """Ask whether the gateway is there."""
        self.client.send(frame(PING, 0, 0, b"whatever"))
        return "says PING"

    def read_all(self) -> None:
        super().read_all()
        if not self.client.reads and self.client.closed is None:
            self._give_back()

    def _give_back(self) -> None:
        self.client.reads = True
        for answer in self._answers:
            owed = len(answer.body) - self._read.get(answer.sid, 0)
            if owed:
                self.client.read(answer, owed)

    # What came.

    def answers(self) -> list[tuple[bytes, bytes, Answer]]:
        return [(*asked, answer) for asked, answer in self._pairs() if answer.status]

    def unanswered(self) -> list[tuple[bytes, bytes]]:
        # A request behind the last that the gateway has named was not acted upon: a client asks again elsewhere.
        last = min((last for last, _ in self.client.goaways), default=2**31 - 1)
        return [
            asked
            for asked, answer in self._pairs()
            if not answer.complete
            and answer.sid not in self._given_up
            and answer.sid <= last
            # Broken off: that can be seen. Without a head it would be an answer that the gateway owes.
            and (answer.reset is None or not answer.status)
        ]

    def _pairs(self) -> Iterator[tuple[tuple[bytes, bytes], Http2Answer]]:
        return zip(self.asked, self._answers, strict=True)
