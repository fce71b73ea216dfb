"""Why no connection came about is told, and not too often."""

from __future__ import annotations

from typing import Any

from twisted.internet import error
from twisted.internet.task import Clock
from twisted.logger import capturedLogs, formatEvent
from twisted.python.failure import Failure

from gateway.testing import Harness
from gateway.upstream.complaints import AGAIN, ANOTHER, Complaints


def test_the_same_cause_is_told_once_a_minute_another_one_at_once() -> None:
    """But not more often than once a second, when two take turns."""
    clock = Clock()
    complaints = Complaints("orders", "http://10.0.0.1", clock.seconds)
    refused, lost = Failure(error.ConnectionRefusedError()), Failure(error.ConnectionLost())

    def told(failure: Any, after: float) -> int:
        clock.advance(after)
        with capturedLogs() as events:
            complaints.dial_failed(failure)
        return len(events)

    assert [told(refused, 0), told(refused, 1), told(lost, 0), told(refused, 0), told(lost, 0)] == [1, 0, 1, 0, 0]
    assert told(refused, ANOTHER) == 1
    assert told(refused, AGAIN - 0.1) == 0
    assert told(refused, 0.1) == 1


def test_a_backend_that_refuses_is_named_with_the_cause() -> None:
    """And one whose dial was given up, because its client has gone, is not."""
    harness = Harness("orders", "users")
    harness.backend("orders").refuse_connections()
    harness.backend("users").swallow_connections()
    with capturedLogs() as events:
        assert harness.get("/orders/1").status == 502
        assert harness.get("/orders/1").status == 502
        client = harness.send(b"GET /users/1 HTTP/1.1\r\nHost: a\r\n\r\n")
        client.reset()
        harness.advance(2)

    said = [formatEvent(event) for event in events if event["log_namespace"] == "gateway.upstream.complaints"]
    assert len(said) == 1
    assert said[0].startswith("orders: no connection to http://127.0.0.1:9001: ")
