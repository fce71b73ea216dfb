"""What changes of statuses may say."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gateway.config import Settings

Load = Callable[..., Settings]
Complaints = Callable[..., list[str]]
ROUTE = """
upstreams: [{name: a, backends: []}]
routes: [{path: /, upstream: a, transformations: {response: {status: {%s}}}}]
"""


def test_a_status_becomes_another(load_text: Load) -> None:
    """Keys are numbers, however they are written."""
    changes = load_text(ROUTE % "404: 200, '503': 500").routes[0].transformations

    assert changes is not None
    assert changes.response.status == {404: 200, 503: 500}


@pytest.mark.parametrize("status", ["4xx", "600", "42", "100", "206", "304"])
def test_what_is_no_status_is_told(complaints: Complaints, status: str) -> None:
    """By its place."""
    (line,) = complaints(ROUTE % f"{status}: 200")

    assert "a status from 200 to 599, but not 206 and 304" in line
