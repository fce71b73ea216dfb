# mypy: allow-untyped-calls
# (Twisted's transports carry few types.)

from __future__ import annotations

import errno
import gc
import weakref
from typing import Any

import pytest
from twisted.internet.main import CONNECTION_DONE
from twisted.internet.protocol import Protocol
from twisted.python.failure import Failure

from gateway.transport.direct import DirectServer
from gateway.transport.line import FEW, FIRST, LARGE, USUAL


class Kernel:
    """A socket whose `send` does what the test says: take so many bytes, or fail."""

    def __init__(self, *answers: int | OSError) -> None:
        self.answers = list(answers)
        self.taken: list[bytes] = []
        self.waiting: list[int] = []
        self.asked: list[int] = []

    def recv(self, most: int) -> bytes:
        self.asked.append(most)
        return bytes(min(most, self.waiting.pop(0)))

    def send(self, data: bytes | memoryview) -> int:
        answer = self.answers.pop(0) if self.answers else len(data)
        if isinstance(answer, OSError):
            raise answer
        self.taken.append(bytes(data[:answer]))
        return min(answer, len(data))

    def setblocking(self, blocking: bool) -> None:
        assert not blocking

    def shutdown(self, how: int) -> None:
        pass

    def close(self) -> None:
        pass

    def fileno(self) -> int:
        return 7


class Reactor:
    """Notes who wants to write."""

    def __init__(self) -> None:
        self.writers: list[Any] = []

    def addReader(self, reader: Any) -> None:
        pass

    def removeReader(self, reader: Any) -> None:
        pass

    def addWriter(self, writer: Any) -> None:
        if writer not in self.writers:
            self.writers.append(writer)

    def removeWriter(self, writer: Any) -> None:
        if writer in self.writers:
            self.writers.remove(writer)


def connect(kernel: Kernel) -> tuple[DirectServer, Reactor]:
    """Make a transport on a socket that is none."""
    reactor = Reactor()
    return DirectServer(kernel, Protocol(), ("127.0.0.1", 1), None, 0, reactor), reactor


def test_a_write_that_the_kernel_takes_asks_for_nothing() -> None:
    """One send, no subscription, nothing queued."""
    kernel = Kernel()
    transport, reactor = connect(kernel)

    transport.write(b"all of it")

    assert kernel.taken == [b"all of it"]
    assert reactor.writers == []


def test_the_rest_of_a_partial_send_goes_out_in_order() -> None:
    """What comes after it waits behind it."""
    kernel = Kernel(3)
    transport, reactor = connect(kernel)

    transport.write(b"abcdef")
    transport.write(b"ghi")
    assert reactor.writers == [transport]
    transport.doWrite()

    assert b"".join(kernel.taken) == b"abcdefghi"
    assert reactor.writers == []


def test_writes_are_at_once_again_when_the_queue_is_empty() -> None:
    """From the moment on at which the last of it has left: a producer that is asked for more writes at once."""
    kernel = Kernel(3)
    transport, reactor = connect(kernel)
    transport.write(b"abcdef")

    class Producer:
        """Writes when it is asked."""

        def pauseProducing(self) -> None:
            transport.producerPaused = True

        def resumeProducing(self) -> None:
            transport.write(b"ghi")
            assert reactor.writers == []

        def stopProducing(self) -> None:
            pass

    transport.registerProducer(Producer(), True)
    transport.producerPaused = True
    transport.doWrite()

    assert kernel.taken == [b"abc", b"def", b"ghi"]


def test_bytes_of_a_subclass_go_twisted_s_way() -> None:
    """What its methods do is not known: they are sent when it is the reactor's turn."""

    class Special(bytes):
        """Bytes."""

    kernel = Kernel()
    transport, reactor = connect(kernel)
    transport.write(Special(b"special"))
    assert (kernel.taken, reactor.writers) == ([], [transport])

    transport.doWrite()
    assert kernel.taken == [b"special"]


def test_a_lost_connection_is_kept_by_nobody() -> None:
    """Its line is let go, and with it the circle of references: no collector has to run for it."""
    transport, _ = connect(Kernel())
    line = weakref.ref(transport)
    transport.connectionLost(Failure(CONNECTION_DONE))
    transport.write(b"late")

    gc.disable()
    try:
        del transport
        assert line() is None
    finally:
        gc.enable()


def test_a_large_body_is_not_copied() -> None:
    """The queue holds the very object that was written."""
    transport, _ = connect(Kernel(5))
    body = bytes(1_000_000)

    transport.write(body)

    assert transport.dataBuffer is body


@pytest.mark.parametrize("code", [errno.EAGAIN, errno.ENOBUFS, errno.EPIPE, errno.ECONNRESET])
def test_an_error_leaves_all_to_the_reactor(code: int) -> None:
    """Nothing is raised, nothing lost: the reactor writes again, and finds out."""
    kernel = Kernel(OSError(code, "no"))
    transport, reactor = connect(kernel)

    transport.write(b"data")
    assert reactor.writers == [transport]
    transport.doWrite()

    assert kernel.taken == [b"data"]


@pytest.mark.parametrize("ending", ["loseConnection", "loseWriteConnection"])
def test_nothing_overtakes_the_end(ending: str) -> None:
    """After the close has been asked for, Twisted's own way keeps what order there is."""
    kernel = Kernel()
    transport, _ = connect(kernel)
    getattr(transport, ending)()

    transport.write(b"late")

    assert kernel.taken == []


def test_a_read_has_more_room_behind_a_full_one() -> None:
    """As long as a large body comes; small messages are read with little again, and at first with hardly any."""
    kernel = Kernel()
    kernel.waiting = [500, FIRST - 1, FIRST, 500, USUAL - 1, USUAL, LARGE, USUAL, FEW, FEW - 1, 500]
    transport, _ = connect(kernel)

    for _ in range(len(kernel.waiting)):
        assert transport.doRead() is None

    assert kernel.asked == [FIRST] * 3 + [USUAL] * 3 + [LARGE] * 4 + [USUAL]


def test_the_end_is_the_end_whatever_room_there_was() -> None:
    """The other side has closed, amid a large body."""
    kernel = Kernel()
    kernel.waiting = [USUAL, 0]
    transport, _ = connect(kernel)

    assert [transport.doRead(), transport.doRead()] == [None, CONNECTION_DONE]
