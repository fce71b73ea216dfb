"""A gateway in memory: nothing happens unless it is told to, and everything is decided by what it was given."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from gateway import config
from gateway.dialling.tls_errors import TLSSettingsError
from gateway.memory.gateway import EPOCH, MemoryGateway, virtual_clock
from gateway.memory.network import MemoryNetwork
from gateway.testing import FakeClient

GET = b"GET /health HTTP/1.1\r\nHost: gateway.test\r\n\r\n"


def made(seed: int = 1, **configuration: Any) -> MemoryGateway:
    """A gateway with this configuration."""
    settings = config.from_mapping(configuration)
    return MemoryGateway(settings, MemoryNetwork(virtual_clock()), random.Random(seed))


def asked(gateway: MemoryGateway, data: bytes = GET) -> FakeClient:
    """What a client got for these octets."""
    client = FakeClient()
    gateway.accept(client, "192.0.2.1")
    client.send(data)
    gateway.network.pump()
    return client


def test_it_answers_without_a_socket() -> None:
    """Here its health, once it is started."""
    gateway = made()
    gateway.start()

    assert asked(gateway).responses()[0].status == 200


def test_a_health_check_goes_out_only_when_it_is_started() -> None:
    """Who only builds a gateway, as `gateway check` does, asks nobody anything."""
    upstream = {
        "name": "orders",
        "backends": [{"url": "http://127.0.0.1:9001"}],
        "health_check": {"type": "tcp", "interval": "1s", "timeout": "1s"},
    }
    gateway = made(upstreams=[upstream])
    gateway.advance(10)
    before = gateway.network.dials
    gateway.start()
    gateway.advance(10)

    assert (before, gateway.network.dials > 0) == (0, True)


def test_time_moves_when_it_is_told_to() -> None:
    """A client that sends half a head is let go after its time, and not before."""
    gateway = made(timeouts={"client_header": "3s"})
    gateway.start()
    client = asked(gateway, b"GET /")
    gateway.advance(2.5)
    early = client.closed
    gateway.advance(1)

    assert (early, client.closed is not None) == (None, True)


def test_the_clocks_are_told_apart() -> None:
    """What takes one for another gets a time that cannot be."""
    gateway = made()

    assert len({gateway.now(), gateway.network.clock.seconds(), EPOCH + gateway.network.clock.seconds()}) == 3


def test_another_configuration_is_applied() -> None:
    """As by a reload."""
    gateway = made()
    gateway.start()
    gateway.apply(config.from_mapping({"health_paths": False}))

    assert asked(gateway).responses()[0].status == 404


def test_what_cannot_be_built_is_said(tmp_path: Path) -> None:
    """A certificate that is not there, as at a start."""
    backend = {"url": "https://127.0.0.1:9001"}
    upstream = {"name": "orders", "backends": [backend], "tls": {"ca": str(tmp_path / "missing.pem")}}

    with pytest.raises(TLSSettingsError, match=r"missing\.pem"):
        made(upstreams=[upstream])
