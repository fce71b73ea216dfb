from __future__ import annotations

import os
import socket

import pytest

from gateway.transport.inherited import Given, Inherited


def test_a_socket_is_found_by_what_it_was_opened_for_and_once() -> None:
    """Two listeners may have asked for any port; each gets one of theirs."""
    first, second = (Given(socket.AF_INET, "127.0.0.1", 0, number) for number in (7, 8))
    inherited = Inherited([first, second])

    assert inherited.has("127.0.0.1", 0)
    assert inherited.take("127.0.0.1", 80) is None
    assert inherited.take("", 0) is None
    assert [inherited.take("127.0.0.1", 0) for _ in range(3)] == [first, second, None]
    assert not inherited.has("127.0.0.1", 0)


def test_what_nobody_asks_for_is_closed() -> None:
    """The configuration has one listener less by now: connections must not wait there for ever."""
    read, write = os.pipe()
    os.close(write)
    inherited = Inherited([Given(socket.AF_UNIX, "/run/a", 0, read), Given(socket.AF_UNIX, "/run/b", 0, write)])

    inherited.close()

    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(read)
    assert inherited.take("/run/a") is None
