from __future__ import annotations

import re
from typing import Any

import pytest
from twisted.internet.address import IPv4Address
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.logger import capturedLogs, formatEvent

from gateway import config
from gateway.commands.welcome import PAGE, WelcomeService, is_wanted
from gateway.listening.endpoints import ListenFailed


class Ports:
    """Opens ports in memory; those in `taken` cannot be had."""

    def __init__(self, *taken: int) -> None:
        self.taken = taken
        self.site: Any = None
        self.open = 0

    async def __call__(self, reactor: object, endpoint: str, site: object, limit: object) -> Any:
        kind, port, interface = endpoint.split(":")
        assert (kind, interface) == ("tcp", "interface=127.0.0.1")
        if int(port) in self.taken:
            raise ListenFailed(endpoint, "address already in use")
        self.site, self.open = site, int(port) or 40001
        return self

    def describe(self) -> str:
        return f"tcp 127.0.0.1:{self.open}"

    async def stop_accepting(self) -> None:
        self.open = 0

    def ask(self, path: str, *fields: str) -> str:
        """Make a request."""
        protocol = self.site.buildProtocol(IPv4Address("TCP", "127.0.0.1", 5))
        transport = StringTransport()
        protocol.makeConnection(transport)
        head = "\r\n".join([f"GET {path} HTTP/1.1", "Connection: close", *fields, "", ""])
        protocol.dataReceived(head.encode())
        answer: str = transport.value().decode()
        return answer


def started(*taken: int) -> tuple[Ports, WelcomeService, list[str]]:
    """A page that is shown, and what the log says."""
    ports = Ports(*taken)
    service = WelcomeService(Clock(), ports)  # type: ignore[arg-type]
    with capturedLogs() as events:
        service.startService()
    return ports, service, [formatEvent(event) for event in events]


def test_the_page_is_there_and_the_log_says_where() -> None:
    """On port 8080 of this machine; closed when it stops."""
    ports, service, lines = started()

    assert "http://127.0.0.1:8080/" in lines[0]
    assert "gateway run --proxy 8080=http://127.0.0.1:9001" in lines[1]
    assert ports.ask("/", "Host: localhost:8080").startswith("HTTP/1.1 200 OK\r\n")
    assert "gateway run gateway.yaml" in ports.ask("/", "Host: localhost")
    assert "<!doctype html>" in ports.ask("/", "Host: localhost", "Accept: text/html")
    assert ports.ask("/health", "Host: localhost").startswith("HTTP/1.1 404 ")
    assert ports.ask("/", "Host: evil.example").startswith("HTTP/1.1 403 ")

    service.stopService()
    assert ports.open == 0


def test_another_port_where_that_is_taken() -> None:
    """The system chooses one."""
    _, service, lines = started(8080)

    assert service.url == "http://127.0.0.1:40001/"
    assert "http://127.0.0.1:40001/" in lines[0]


def test_no_port_at_all_is_said() -> None:
    """In the log; the process is not ended by it."""
    ports = Ports(8080, 0)
    with capturedLogs() as events:
        WelcomeService(Clock(), ports).startService()  # type: ignore[arg-type]

    assert formatEvent(events[-1]) == "The page cannot be shown"


def test_what_it_tells_to_save_is_a_configuration(tmp_path: Any) -> None:
    """It loads as it stands there."""
    (text,) = (text for said, text in PAGE.blocks if "save this" in said)
    (tmp_path / "gateway.yaml").write_text(text)

    assert [route.path for route in config.load(tmp_path / "gateway.yaml", {}).routes] == [("/*",)]
    assert re.search(r"^listeners:", text)


@pytest.mark.parametrize(
    ("environ", "pid", "wanted"),
    [({}, 7, True), ({}, 1, False), ({"GATEWAY__LOG__LEVEL": "debug"}, 7, False), ({"gateway__x": ""}, 7, False)],
)
def test_nothing_that_looks_like_a_deployment_is_shown_it(environ: dict[str, str], pid: int, wanted: bool) -> None:
    """A container, or a process with overrides: somebody has forgotten the configuration."""
    assert is_wanted(environ, pid) is wanted
