"""Health checks in the words that Kong and APISIX share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gateway.importing.draft import Draft
from gateway.importing.parts import read_part
from gateway.importing.resty_checks import check


def checked(text: str, directory: Path) -> tuple[dict[str, Any], list[str]]:
    """Return what checks become, and what is listed."""
    file = directory / "checks.yaml"
    file.write_text(text)
    source, draft, upstream = read_part(str(file)), Draft("kong", str(file)), dict[str, Any]()
    check(source, upstream, draft)
    draft.list_unread(source, {})
    return upstream, [one.what for one in draft.in_order()]


def test_what_is_asked_and_when(tmp_path: Path) -> None:
    """Times in seconds, fields as a mapping or as lines, the port of the checks."""
    text = "active: {http_path: /h, timeout: 2, port: 81, host: a.example, req_headers: ['X-A: b'], concurrency: 5, "
    text += "healthy: {interval: 5, successes: 2, http_statuses: [200]}, unhealthy: {interval: 5, http_failures: 3}}"
    upstream, left = checked(text, tmp_path)

    assert upstream["health_check"] == {
        "path": "/h", "port": 81, "interval": "5s", "timeout": "2s", "healthy_threshold": 2, "expected_status": [200],
        "unhealthy_threshold": 3, "headers": {"Host": "a.example", "X-A": "b"},
    }  # fmt: skip
    assert left == []


def test_a_check_of_connections_asks_for_no_path(tmp_path: Path) -> None:
    """It is of another type."""
    upstream, _ = checked("active: {type: tcp, healthy: {interval: 1}}", tmp_path)

    assert upstream["health_check"] == {"type": "tcp", "interval": "1s", "timeout": "1s"}


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("active: {healthy: {interval: 1}, unhealthy: {interval: 2}}", "active.unhealthy.interval"),
        ("active: {healthy: {interval: 1}, unhealthy: {tcp_failures: 2, timeouts: 3}}", "active.unhealthy.timeouts"),
        ("active: {healthy: {interval: 1}, unhealthy: {http_statuses: [500]}}", "active.unhealthy"),
        ("passive: {unhealthy: {http_failures: 2, timeouts: 3}}", "passive.unhealthy.timeouts"),
        ("passive: {healthy: {successes: 5}}", "the whole file"),
    ],
)
def test_what_is_counted_otherwise_is_listed(tmp_path: Path, text: str, what: str) -> None:
    """With its line."""
    assert checked(text, tmp_path)[1] == [what]


def test_an_interval_of_nought_switches_checks_off(tmp_path: Path) -> None:
    """The other keys are listed then, since they do nothing."""
    upstream, left = checked("active: {http_path: /h, healthy: {interval: 0}}", tmp_path)

    assert upstream == {}
    assert left == ["active.http_path"]
