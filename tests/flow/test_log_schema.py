"""Records under the names of a schema, from a whole gateway."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.testing import Harness


def logged(schema: Any, path: str = "/orders/7?page=2", **settings: Any) -> dict[str, Any]:
    """The record of one exchange."""
    gateway = Harness("orders", access_log={"schema": schema, **settings})
    gateway.get(path, User_Agent="curl/8.0", X_Tenant="acme")
    record: dict[str, Any] = json.loads(gateway.log.lines[-1])
    return record


def test_the_compact_record() -> None:
    """What R-LOG-02 lists."""
    record = logged("compact")

    assert list(record) == [
        "timestamp", "level", "request_id", "method", "path", "status", "duration_ms", "user_id", "service",
    ]  # fmt: skip
    assert (record["status"], record["path"], record["service"]) == (200, "/orders/7", "api-gateway")


TYPES = {
    "@timestamp": str, "log.level": str, "message": str, "ecs.version": str, "event.kind": str, "event.category": list,
    "event.type": list, "event.dataset": str, "event.outcome": str, "event.duration": int, "service.name": str,
    "service.target.name": str, "http.request.id": str, "trace.id": str, "http.version": str,
    "http.request.method": str,
    "http.request.body.bytes": int, "http.response.status_code": int, "http.response.body.bytes": int,
    "url.scheme": str, "url.domain": str, "url.path": str, "url.query": str, "client.address": str, "client.ip": str,
    "user_agent.original": str, "gateway.route": str, "gateway.backend": str, "gateway.attempts": int,
    "gateway.upstream_response_time_ms": float,
}  # fmt: skip
"""What Elastic's field reference says of each; those that a plain exchange leaves at null are not here."""


def test_the_ecs_record() -> None:
    """Each member has the type that Elasticsearch indexes it by."""
    record = logged("ecs")

    assert {name: type(value) for name, value in record.items() if value is not None} == TYPES
    assert record["message"] == "GET /orders/7?page=2 HTTP/1.1"
    assert record["event.category"] == ["web"]
    assert (record["http.version"], record["url.query"], record["event.outcome"]) == ("1.1", "page=2", "success")
    assert {name for name, value in record.items() if value is None} == {"event.reason", "url.port", "user.id"}


def test_the_ecs_record_of_a_failure() -> None:
    """`event.outcome` and the reason."""
    record = logged("ecs", "/nothing")

    assert (record["event.outcome"], record["event.reason"], record["log.level"]) == ("failure", "route.none", "warn")


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ("default", {"uri": "/orders/7", "tenant": "acme", "again": "/orders/7"}),
        (["again", "request.headers.x-tenant"], {"again": "/orders/7", "request.headers.x-tenant": "acme"}),
    ],
)
def test_a_schema_of_ones_own(fields: object, expected: dict[str, str]) -> None:
    """Their names, in their order, and a field may be there twice."""
    mapping = {"uri": "path", "tenant": "request.headers.x-tenant", "again": "path"}
    record = logged(mapping, fields=fields)

    assert list(record.items()) == list(expected.items())


def test_redaction_does_not_ask_what_a_member_is_called() -> None:
    """A secret under another name is a secret."""
    record = logged(
        {"a": "request.headers.authorization", "q": "query", "m": "request_line"}, "/orders/7?api_key=s3cret"
    )

    assert record == {"a": None, "q": "api_key=REDACTED", "m": "GET /orders/7?api_key=REDACTED HTTP/1.1"}
