"""What is handed over of all ports. With real processes: `tests/system/test_upgrade.py`."""

from __future__ import annotations

import socket
from types import SimpleNamespace
from typing import Any

from gateway.composition.ports import Ports
from gateway.transport.inherited import Given


class Listening:
    """An open port that notes what becomes of it."""

    def __init__(self, given: Given | None) -> None:
        self._given = given
        self.seen: list[str] = []

    def given(self) -> list[Given]:
        """See `gateway.listening.endpoints.Listening`."""
        return [] if self._given is None else [self._given]

    def let_go(self) -> None:
        """See there."""
        self.seen.append("let go")

    def take_over(self) -> None:
        """See there."""
        self.seen.append("taken")


def ports(*listeners: Listening, admin: Listening | None) -> Ports:
    """Those of a gateway."""
    there: Any = SimpleNamespace(open=list(listeners))
    one: Any = SimpleNamespace(listening=admin)
    return Ports(there, one)


def test_the_admin_port_is_one_of_them() -> None:
    """A port of another make has no socket to describe, and is told all the same."""
    first, second = (Given(socket.AF_INET, "", number, number) for number in (80, 90))
    all_of_them = [Listening(first), Listening(None), Listening(second)]
    there = ports(*all_of_them[:2], admin=all_of_them[2])

    assert there.sockets() == [first, second]
    assert not there.handed_over
    there.take_over()
    there.hand_over()

    assert there.handed_over
    assert [each.seen for each in all_of_them] == [["taken", "let go"]] * 3


def test_there_may_be_no_admin_port() -> None:
    """It is closed by now."""
    assert ports(admin=None).sockets() == []
