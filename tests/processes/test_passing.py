"""Descriptors that another process gets."""

from __future__ import annotations

import socket

from gateway.processes.passing import Passing
from gateway.transport.inherited import SYSTEMD, Given


def test_each_gets_a_number_of_its_own() -> None:
    """After those of everybody; what is passed twice is there twice."""
    given = Given(socket.AF_INET, "", 80, 40)
    passing = Passing([given], ())

    assert passing.add(41) == 4
    assert passing.add("r") == 5
    assert passing.sockets == (given._replace(descriptor=3),)
    assert passing.descriptors == {0: 0, 1: 1, 2: 2, 3: 40, 4: 41, 5: "r"}
    assert passing.command(["gateway"], {"A": "1"}) == (["gateway"], {"A": "1"})


def test_those_of_systemd_keep_their_numbers() -> None:
    """Endpoint strings name them by these; the process has to see itself in `LISTEN_PID`."""
    passing = Passing([Given(socket.AF_INET, SYSTEMD, 3, 50)], (3, 4))

    command, environ = passing.command(["gateway"], {})

    assert passing.descriptors[3] == 50
    assert passing.sockets == ()
    assert passing.add(60) == 5
    assert command[-1] == "gateway"
    assert len(command) > 1
    assert environ == {"LISTEN_FDS": "2"}
