"""The stamp is on requests and answers, and nobody else can set it."""

from __future__ import annotations

import pytest

from examples.plugins.header_stamp import HeaderStamp
from gateway.config import ConfigError
from gateway.memory.backend import ok
from pytest_gateway import MakeHarness


def test_both_ways(gateway_harness: MakeHarness) -> None:
    """Under the name that is configured."""
    gateway = gateway_harness(HeaderStamp, {"header": "X-Edge", "value": "fra-1"})

    response = gateway.get("/")

    assert response.headers.get(b"x-edge") == b"fra-1"
    assert gateway.backend("backend").last.headers.get(b"x-edge") == b"fra-1"


def test_nobody_else_sets_it(gateway_harness: MakeHarness) -> None:
    """Neither the client nor the backend."""
    gateway = gateway_harness(HeaderStamp, {"value": "fra-1"})
    gateway.backend("backend").answers(ok(b"", (b"X-Handled-By", b"the backend")))

    response = gateway.get("/", X_Handled_By="the client")

    assert response.headers.get_all(b"x-handled-by") == [b"fra-1"]
    assert gateway.backend("backend").last.headers.get_all(b"x-handled-by") == [b"fra-1"]


def test_errors_of_the_gateway_are_stamped_too(gateway_harness: MakeHarness) -> None:
    """`on_response` sees every answer of the route."""
    gateway = gateway_harness(HeaderStamp, {"value": "fra-1"})
    gateway.backend("backend").refuse_connections()

    response = gateway.get("/")

    assert response.status == 502
    assert response.headers.get(b"x-handled-by") == b"fra-1"


def test_a_configuration_that_it_cannot_use(gateway_harness: MakeHarness) -> None:
    """Is refused with its place."""
    with pytest.raises(ConfigError, match=r"plugins\[0\]\.config\.value: expected a value: the key is required"):
        gateway_harness(HeaderStamp, {})
