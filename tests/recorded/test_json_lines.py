"""Lines of JSON: ours in every schema, Envoy's and nginx's."""

from __future__ import annotations

import random
from typing import Any

import orjson
import pytest

from gateway.config import from_mapping
from gateway.memory.client import FakeClient
from gateway.memory.gateway import MemoryGateway, virtual_clock
from gateway.memory.network import MemoryNetwork
from gateway.recorded.facts import Unreadable, recorded
from gateway.recorded.forms import named, of_settings, recognised
from gateway.recorded.request import Recorded


def written(log: dict[str, Any]) -> tuple[list[bytes], Any]:
    """Have the gateway write the line of one request."""
    settings = from_mapping({"routes": [{"name": "r", "path": "/a/*", "respond": {"body": "ok"}}], "access_log": log})
    network = MemoryNetwork(virtual_clock())
    gateway = MemoryGateway(settings, network, random.Random(1))
    gateway.start()
    client = FakeClient()
    gateway.accept(client, "192.0.2.7")
    client.send(b"GET /a/1?b=c HTTP/1.1\r\nHost: api.example.com\r\nUser-Agent: curl\r\n\r\n")
    network.pump()
    return gateway.log.lines, settings


def read(line: bytes | dict[str, Any], form: str) -> Recorded:
    """Read one line by a form."""
    return recorded(1, named(form).read(line if isinstance(line, bytes) else orjson.dumps(line)))


@pytest.mark.parametrize("schema", ["default", "ecs"])
def test_our_own_lines_are_read(schema: str) -> None:
    """In every schema that has a name."""
    lines, _ = written({"schema": schema})

    request = read(lines[0], "gateway")

    assert (request.method, request.target, request.host) == ("GET", "/a/1?b=c", "api.example.com")
    assert (request.client, request.status, request.route) == ("192.0.2.7", 200, "r")
    assert (request.began, request.seconds) == (1781000000.0, 0.0)
    assert request.headers == (("User-Agent", "curl"),)


def test_the_short_schema_tells_less() -> None:
    """No host, no client, no query: what is not there is not made up."""
    lines, _ = written({"schema": "compact"})

    request = read(lines[0], "gateway")

    assert (request.method, request.target, request.status) == ("GET", "/a/1", 200)
    assert (request.host, request.client, request.route) == ("", "", None)


def test_a_schema_of_somebody_s_own_is_known_from_the_configuration() -> None:
    """It has the names."""
    lines, settings = written(
        {
            "schema": {
                "when": "timestamp",
                "verb": "method",
                "where": "path",
                "what": "status",
                "k": "request.headers.host",
            }
        }
    )

    form = recognised(lines, of_settings(settings))
    request = recorded(1, form.read(lines[0]))

    assert (request.method, request.target, request.status) == ("GET", "/a/1", 200)
    assert request.headers == (("host", "api.example.com"),)


def test_levels_are_dots() -> None:
    """What has passed Elasticsearch has levels where the names have dots."""
    line = {
        "@timestamp": "2026-11-30T09:14:00Z",
        "http": {"request": {"method": "GET"}, "response": {"status_code": 200}},
        "url": {"path": "/a", "domain": "x"},
    }

    assert read(line, "gateway").host == "x"


@pytest.mark.parametrize(
    "line",
    [
        {
            "start_time": "2026-11-30T09:14:00.000Z",
            "method": "GET",
            "path": "/a?b=c",
            "response_code": 503,
            "duration": 12,
            "authority": "api.example.com",
            "downstream_remote_address": "192.0.2.7:4711",
            "upstream_host": "10.0.0.1:9001",
            "upstream_cluster": "orders",
            "route_name": "r",
            "user_agent": "curl",
        },
        {
            "START_TIME": "2026-11-30T09:14:00.000Z",
            "REQ(:METHOD)": "GET",
            "REQ(X-ENVOY-ORIGINAL-PATH?:PATH)": "/a?b=c",
            "RESPONSE_CODE": "503",
            "DURATION": "12",
            "REQ(:AUTHORITY)": "api.example.com",
            "DOWNSTREAM_REMOTE_ADDRESS": "192.0.2.7:4711",
            "UPSTREAM_HOST": "10.0.0.1:9001",
            "UPSTREAM_CLUSTER": "orders",
            "ROUTE_NAME": "r",
            "REQ(USER-AGENT)": "curl",
        },
    ],
    ids=["usual", "operators"],
)
def test_envoy_s_lines_are_read(line: dict[str, Any]) -> None:
    """By the names that most have, and by those of the operators."""
    request = read(line, "envoy")

    assert request == Recorded(
        line=1,
        began=1796030040.0,
        method="GET",
        target="/a?b=c",
        host="api.example.com",
        client="192.0.2.7",
        status=503,
        seconds=0.012,
        headers=(("User-Agent", "curl"),),
        route="r",
        upstream="orders",
        backend="10.0.0.1:9001",
    )


def test_nginx_s_lines_are_read() -> None:
    """By the names of its variables, all of them texts."""
    line = {
        "time_iso8601": "2026-11-30T09:14:01+00:00",
        "remote_addr": "192.0.2.7",
        "remote_user": "",
        "request": "GET /a?b=c HTTP/1.1",
        "status": "200",
        "request_time": "0.250",
        "http_host": "api.example.com",
        "scheme": "https",
        "upstream_addr": "10.0.0.1:9001",
        "upstream_response_time": "0.125",
        "http_user_agent": "curl",
    }

    request = read(line, "nginx")

    assert (request.method, request.target, request.scheme, request.host) == (
        "GET",
        "/a?b=c",
        "https",
        "api.example.com",
    )
    assert (request.began, request.seconds, request.upstream_seconds) == (1796030040.75, 0.25, 0.125)
    assert (request.user, request.backend, request.headers) == (None, "10.0.0.1:9001", (("User-Agent", "curl"),))


@pytest.mark.parametrize(("line", "words"), [(b"[1]", "it is no JSON object"), (b'{"a":', "it is no JSON")])
def test_what_is_no_object_says_so(line: bytes, words: str) -> None:
    """Half of a line is one that was being written."""
    with pytest.raises(Unreadable, match=f"^{words}$"):
        read(line, "gateway")
