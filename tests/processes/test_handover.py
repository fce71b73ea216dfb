from __future__ import annotations

import socket

import pytest

from gateway.processes.handover import VARIABLE, Handover, received
from gateway.transport.inherited import Given


@pytest.mark.parametrize("init", [None, 9])
def test_what_is_told_is_what_is_heard(init: int | None) -> None:
    """Once: what the new process starts itself is not told it too."""
    told = Handover((Given(socket.AF_INET6, "::1", 80, 5), Given(socket.AF_UNIX, "/run/ü", 0, 6)), 7, "/run/p", init)
    environ = {VARIABLE: told.as_text(), "HOME": "/"}

    assert received(environ) == told
    assert environ == {"HOME": "/"}
    assert received(environ) is None
