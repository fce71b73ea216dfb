"""Requests are signed with a key that is asked for once; without one nothing passes."""

from __future__ import annotations

import hmac
import json
import re
from base64 import b64encode

import pytest

from examples.plugins.request_signer import RequestSigner
from gateway.memory.backend import ok
from gateway.testing import Harness
from pytest_gateway import MakeHarness

SECRET = b"a secret"
KEY = ok(json.dumps({"id": "7", "key": SECRET.hex()}).encode(), (b"Content-Type", b"application/json"))


@pytest.fixture
def gateway(gateway_harness: MakeHarness) -> Harness:
    """A gateway that signs, and its key server."""
    config = {"key_url": "http://127.0.0.1:9002/key", "max_age": 60}
    made: Harness = gateway_harness(RequestSigner, config, backends=("backend", "keys"))
    made.backend("keys").answers(KEY)
    made.network.pump()
    return made


def test_a_request_is_signed(gateway: Harness) -> None:
    """With the key, over what is asked and when; a client's own signature does not get through."""
    assert gateway.get("/orders/7?a=b", X_Signature="mine").status == 200

    (said,) = gateway.backend("backend").last.headers.get_all(b"x-signature")
    match = re.fullmatch(rb'keyid="7", signature="(.*)", created=(\d+)', said)
    assert match is not None
    digest = hmac.digest(SECRET, b"GET /orders/7?a=b " + match[2], "sha256")
    assert match[1] == b64encode(digest)
    assert gateway.metric("gateway_plugin_plugin_signed_total") == 1


def test_a_key_is_asked_for_once(gateway: Harness) -> None:
    """Until it is old; then once for all who need it."""
    for _ in range(3):
        gateway.get("/")
    assert len(gateway.backend("keys").requests) == 1
    gateway.advance(61)
    gateway.backend("keys").stall()
    clients = [gateway.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n") for _ in range(5)]
    assert len(gateway.backend("keys").requests) == 2

    gateway.backend("keys").connection.send(KEY)
    gateway.network.pump()

    assert [client.received[:15] for client in clients] == [b"HTTP/1.1 200 OK"] * 5


@pytest.mark.parametrize("fault", ["stalls", "refuses", "lies"])
def test_without_a_key_nothing_passes(gateway: Harness, fault: str) -> None:
    """The backend is not asked, and the client is not held for long."""
    gateway.advance(61)
    keys = gateway.backend("keys")
    if fault == "stalls":
        keys.stall()
    elif fault == "refuses":
        keys.refuse_connections()
        keys.resets = True
    else:
        keys.answers(ok(b"<html>"))

    client = gateway.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    gateway.advance(1)

    assert client.received.startswith(b"HTTP/1.1 500 ")
    assert b"plugin.failed" in client.received
    assert gateway.backend("backend").requests == []
    assert "plugin.on_request=" in gateway.last_log["plugin_errors"]


def test_without_a_first_key_it_does_not_start(gateway_harness: MakeHarness) -> None:
    """The configuration is not put into force."""
    gateway = gateway_harness(
        RequestSigner, {"key_url": "http://127.0.0.1:9002/key"}, backends=("backend", "keys"), routes=[]
    )
    gateway.backend("keys").refuse_connections()

    gateway.apply(routes=[{"name": "all", "path": "/*", "upstream": "backend", "plugins": ["plugin"]}])
    gateway.network.pump()

    assert gateway.get("/").status == 500
