"""Connections of clients."""

from __future__ import annotations

from twisted.internet.task import Clock

from gateway.memory.end import End
from gateway.memory.network import MemoryNetwork
from gateway.simulation.lines import Line


class Server(End):
    """Answers what it is told to."""

    def __init__(self, answer: bytes, closes: bool = False) -> None:
        super().__init__()
        self.answer = answer
        self.closes = closes

    def dataReceived(self, data: bytes) -> None:
        super().dataReceived(data)
        if self.answer:
            self.send(self.answer)
        if self.closes:
            self.close()


def ask(answer: bytes, times: int = 1, is_head: bool = False, closes: bool = False) -> tuple[Line, Server, list[int]]:
    """Make requests on one connection, and return the statuses that came."""
    network = MemoryNetwork(Clock())
    found: list[int] = []
    line, server = Line(lambda line, status: found.append(status)), Server(answer, closes)
    network.connect(line, server)
    for number in range(times):
        line.ask(b"GET / HTTP/1.1\r\n\r\n", is_head, float(number))
        network.pump()
    return line, server, found


def test_a_connection_is_kept_for_the_next_request() -> None:
    """As browsers and clients of services do."""
    line, server, found = ask(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", times=3)

    assert found == [200, 200, 200]
    assert server.received == b"GET / HTTP/1.1\r\n\r\n" * 3
    assert (line.usable, line.asked_at) == (True, 2.0)
    assert line.received == b""


def test_what_the_gateway_closes_is_not_used_again() -> None:
    """It says so in the answer."""
    line, server, found = ask(b"HTTP/1.1 503 Busy\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")

    assert (found, line.usable) == ([503], False)
    assert server.end_of_input or server.closed


def test_what_comes_before_the_answer_is_none() -> None:
    """1xx are there to be passed over."""
    _, _, found = ask(b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")

    assert found == [404]


def test_a_head_is_answered_without_content() -> None:
    """Whatever length it says; the connection is for nothing else then."""
    line, _, found = ask(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", is_head=True)

    assert (found, line.usable) == ([200], False)


def test_a_connection_that_ends_has_no_answer() -> None:
    """Told once, as status 0; one that waits for nothing ends in silence."""
    _, _, cut = ask(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", closes=True)
    line, _, whole = ask(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", closes=True)

    assert cut == [0]
    assert (whole, line.usable) == ([200], False)
