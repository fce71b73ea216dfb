"""Timeouts that are below what a log shows."""

from __future__ import annotations

from typing import Any

from gateway.recorded.request import Recorded
from gateway.rehearsal.planning.too_short import TooShort, too_short
from gateway.rehearsal.stage import Stage
from tests.rehearsal.logs import request, settings


def found(requests: list[Recorded], **route: Any) -> list[TooShort]:
    """Look at a log with one route."""
    configuration = settings([{"name": "a", "path": "/a/*", "upstream": "a"} | route])
    return too_short(requests, configuration, Stage(configuration).memory.parts.root.tree.at)


def test_a_timeout_below_the_99th_percentile_is_told() -> None:
    """With what it would cut off."""
    requests = [request(line, seconds=1.0 if line % 20 else 3.0) for line in range(200)]

    (one,) = found(requests, timeout="2s")

    assert (one.route, one.timeout, one.share, one.answers) == ("a", 2.0, 0.05, 200)
    assert 3.0 <= one.p99 <= 3.1
    assert found(requests, timeout="5s") == []


def test_the_upstream_s_own_time_counts() -> None:
    """Where the log has it: a slow client is no slow backend."""
    assert found([request(seconds=9.0, upstream_seconds=0.5)], timeout="2s") == []


def test_what_took_no_backend_s_time_does_not_count() -> None:
    """An answer of the gateway's own, a tunnel, a request that no route takes, a host that is none, no time at all."""
    requests = [
        request(seconds=9.0, status=503, reason="load.shed"),
        request(seconds=9.0, status=101),
        request(seconds=9.0, target="/b"),
        request(seconds=9.0, host="a b"),
        request(seconds=None),
    ]

    assert found(requests, timeout="2s") == []


def test_an_answer_that_was_waited_for_in_vain_counts() -> None:
    """It took at least as long."""
    (one,) = found([request(seconds=5.0, status=504, reason="upstream.timeout")], timeout="2s")

    assert one.share == 1.0
