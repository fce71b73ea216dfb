"""Traffic as an access log remembers it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gateway.config import Settings, from_mapping
from gateway.simulation.logged import NotALog, logged
from gateway.simulation.mix import Call, draw, made_up, one_of_each_route
from gateway.simulation.playing import Scene, play
from gateway.simulation.traffic import arrivals, parse_load


def line(second: float, **members: Any) -> str:
    """Return a record of ours."""
    known = {
        "timestamp": f"2026-01-01T00:00:{second:06.3f}Z",
        "method": "GET",
        "path": "/orders/7",
        "host": "api.example.com",
        "status_code": 200,
        "response_time_ms": 0.0,
        "client_ip": "192.0.2.9",
        "user_id": None,
    }
    return json.dumps({**known, **members})


def settings() -> Settings:
    """One upstream."""
    return from_mapping(
        {
            "upstreams": [{"name": "orders", "backends": [{"url": "http://127.0.0.1:9001"}]}],
            "routes": [{"name": "orders", "path": "/orders/:id", "upstream": "orders"}],
        }
    )


def test_requests_come_at_their_times(tmp_path: Path) -> None:
    """From whom they came; what is the same is there once."""
    log = tmp_path / "access.log"
    log.write_text(
        "\n".join(
            [
                line(10.0),
                line(10.5, path="/orders/8", method="DELETE", user_id="ada", client_ip="192.0.2.8"),
                line(12.0),
            ]
        )
    )

    found = logged(str(log), settings(), {"scope": "read"})

    assert found.calls == [(0.0, Call(0, 0)), (0.5, Call(1, 1)), (2.0, Call(0, 0))]
    assert [(one.method, one.url) for one in found.requests] == [
        ("GET", "http://api.example.com/orders/7"),
        ("DELETE", "http://api.example.com/orders/8"),
    ]
    assert list(found.callers) == [("192.0.2.9", None), ("192.0.2.8", {"sub": "ada", "scope": "read"})]
    assert found.seconds == 3.0
    assert found.notes == []


def test_a_part_of_it_can_be_asked_for(tmp_path: Path) -> None:
    """From the first request on."""
    log = tmp_path / "access.log"
    log.write_text("\n".join(line(second) for second in range(30)))

    found = logged(str(log), settings(), {}, length=10.0)

    assert len(found.calls) == 10
    assert found.seconds == 10.0


def test_lines_that_are_no_requests_are_told_of(tmp_path: Path) -> None:
    """And left out."""
    log = tmp_path / "access.log"
    log.write_text("\n".join([line(1.0), "{broken", line(2.0, host="a b")]))

    found = logged(str(log), settings(), {})

    assert len(found.calls) == 1
    assert found.notes == [f"2 of the lines of {log} are no requests that can be made, and were left out"]


@pytest.mark.parametrize("content", ["", "hello\nworld\n", '{"a": 1}\n'])
def test_what_is_no_log_is_refused(tmp_path: Path, content: str) -> None:
    """With the name of the file."""
    log = tmp_path / "access.log"
    log.write_text(content)

    with pytest.raises(NotALog, match=r"access\.log"):
        logged(str(log), settings(), {})


def test_what_a_simulation_logs_is_played_as_it_was(tmp_path: Path) -> None:
    """The same requests at the same backend; the times between them are those of the log."""
    requests, _ = one_of_each_route(settings())
    times = list(arrivals([parse_load("20/s")], 30.0, 1))
    drawn = list(draw(times, [1], 3, 1))
    begun = play(Scene(settings(), 30.0, 1, [requests[0][0]], made_up(3, {})), drawn)
    log = tmp_path / "access.log"
    addresses = [f"198.18.0.{call.caller + 1}" for _, call in drawn]
    lines = [line(at, path="/orders/sample", client_ip=one) for at, one in zip(times, addresses, strict=True)]
    log.write_text("\n".join(lines))

    found = logged(str(log), settings(), {})
    again = play(Scene(settings(), found.seconds, 1, found.requests, found.callers), found.calls)

    assert again.figures.statuses == begun.figures.statuses == {200: len(times)}
    assert again.figures.seconds == pytest.approx(times[-1] - times[0] + 1.0, abs=0.01)
