"""The wiring: which part knows of which."""

from __future__ import annotations

from typing import Any

from twisted.internet.task import Clock

from gateway import config
from gateway.composition.assembly import AccessLogs, access_log_path, assemble
from gateway.testing import Harness


class Writer:
    """An access log."""

    def __init__(self, path: str = "-") -> None:
        self.path = path
        self.dropped = 0

    def write(self, line: bytes) -> None:
        """Nowhere."""


def logs() -> Any:
    """Access logs that open nothing."""
    return AccessLogs(Writer)  # type: ignore[arg-type]  # what it takes of a writer


class TestAccessLogs:
    """One is in force; a reload may put another in its place."""

    def test_the_same_path_is_the_same_writer(self) -> None:
        """Nothing is exchanged."""
        access_logs = logs()
        first = access_logs.at("a")
        assert access_logs.exchange("a", first) is None

        assert access_logs.at("a") is first
        assert access_logs.exchange("a", first) is None

    def test_another_path_is_another_writer(self) -> None:
        """The one before is returned, to be stopped."""
        access_logs = logs()
        first = access_logs.at("a")
        access_logs.exchange("a", first)
        second = access_logs.at("b")

        assert second is not first
        assert access_logs.exchange("b", second) is first
        assert (access_logs.path, access_logs.writer) == ("b", second)

    def test_no_path_is_no_writer(self) -> None:
        """It may be turned off, and on again."""
        access_logs = logs()
        first = access_logs.at("a")
        access_logs.exchange("a", first)
        assert access_logs.at(None) is None
        assert access_logs.exchange(None, None) is first

        assert access_logs.at("a") is not first

    def test_what_was_dropped_is_not_forgotten(self) -> None:
        """Counters do not go down."""
        access_logs = logs()
        assert access_logs.dropped == 0
        first = access_logs.at("a")
        access_logs.exchange("a", first)
        first.dropped = 3
        access_logs.exchange(None, None)
        second = access_logs.at("b")
        access_logs.exchange("b", second)
        second.dropped = 2

        assert access_logs.dropped == 5


def settings(**changes: Any) -> config.Settings:
    """A small configuration."""
    return config.from_mapping(
        {
            "upstreams": [{"name": "orders", "backends": [{"url": "http://127.0.0.1:9001"}]}],
            "routes": [{"path": "/orders/*", "upstream": "orders"}],
            **changes,
        }
    )


def test_where_the_access_log_goes() -> None:
    """Standard output by default."""
    assert access_log_path(settings()) == "-"
    assert access_log_path(settings(access_log={"path": "/var/log/a.log"})) == "/var/log/a.log"


def test_nothing_is_opened() -> None:
    """Assembling is not starting: no port, no connection, no timer."""
    clock = Clock()
    gateway = assemble(settings(), clock)

    assert gateway.listeners.open == []
    assert clock.getDelayedCalls() == []
    assert gateway.foundation.pool.pools()


def test_figures_come_from_the_parts() -> None:
    """Connections, pools and the log are counted where they are."""
    gateway = Harness("orders")
    gateway.client()
    gateway.log.dropped = 3

    assert gateway.metric("gateway_active_connections") == 1
    assert gateway.metric("gateway_access_log_dropped_total") == 3


def test_the_limit_on_connections_is_the_configuration_s() -> None:
    """Shared by all ports."""
    assert assemble(settings(limits={"connections": 7}), Clock()).limit.room() == 7
