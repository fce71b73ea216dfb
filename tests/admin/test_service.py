"""The port of the admin listener, without one."""

from __future__ import annotations

from typing import Any, cast

import pytest
from twisted.internet.defer import ensureDeferred
from twisted.internet.task import Clock

from gateway.admin.resources import Tree
from gateway.admin.service import AdminListener
from gateway.config.schema.listeners import Admin
from gateway.listening.endpoints import ListenFailed


class Port:
    """One that was opened."""

    def __init__(self, endpoint: str, said: list[str]) -> None:
        self.endpoint = endpoint
        self._said = said

    def leave(self, leaving: bool) -> None:
        self._said.append(f"{self.endpoint} {'leaves' if leaving else 'stays'}")

    def read_again(self) -> list[Any]:
        self._said.append(f"{self.endpoint} reads")
        return [lambda: self._said.append(f"{self.endpoint} renews")]

    async def stop_accepting(self) -> None:
        self._said.append(f"{self.endpoint} closes")


class Ports:
    """An admin listener, and what was asked of its ports."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.listener = AdminListener(Clock(), lambda: Tree({}), lambda: "id", cast("Any", self._open_port))

    def open(self, endpoint: str) -> list[str]:
        """Have it listen there; returns what that asked of ports."""
        self.said.clear()
        failures: list[Any] = []
        ensureDeferred(self.listener.open(Admin(endpoint=endpoint))).addErrback(failures.append)
        if failures:
            failures[0].raiseException()
        return self.said

    async def _open_port(self, reactor: object, endpoint: str, *rest: object) -> Port:
        if endpoint == "tcp:1":
            raise ListenFailed(endpoint, "taken")
        self.said.append(f"{endpoint} opens")
        return Port(endpoint, self.said)


def test_another_string_is_opened_before_the_one_before_is_closed() -> None:
    """Which knows that it is about to leave: for the same address its socket is taken over."""
    ports = Ports()

    assert ports.open("tcp:9") == ["tcp:9 opens"]
    assert ports.open("tcp:9") == []
    assert ports.open("tcp:10") == ["tcp:9 leaves", "tcp:10 opens", "tcp:9 stays", "tcp:9 closes"]


def test_one_that_cannot_be_opened_changes_nothing() -> None:
    """The port before it stays, and does not leave any more."""
    ports = Ports()
    ports.open("tcp:9")

    with pytest.raises(ListenFailed):
        ports.open("tcp:1")

    assert ports.said == ["tcp:9 leaves", "tcp:9 stays"]


def test_certificates_are_read_before_they_are_used() -> None:
    """So that a reload that fails has renewed none."""
    ports = Ports()
    ports.listener.read_certificates()()
    assert ports.said == []
    ports.open("tcp:9")
    ports.said.clear()

    renew = ports.listener.read_certificates()
    assert ports.said == ["tcp:9 reads"]
    renew()
    assert ports.said == ["tcp:9 reads", "tcp:9 renews"]
