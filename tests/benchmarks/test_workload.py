from __future__ import annotations

from pathlib import Path

from benchmarks.proxies.gateway import configuration
from benchmarks.workload import ANSWER, Task


def test_the_answer_has_the_size_that_the_figures_are_for() -> None:
    """126 bytes, as docs/performance.md says."""
    assert len(ANSWER) == 126


def test_a_numbered_route_is_made_for_each(tmp_path: Path) -> None:
    """The many-routes task differs from the plain one by its routes alone."""
    plain = configuration(Task(8080, 9090, 9001, tmp_path))
    many = configuration(Task(8080, 9090, 9001, tmp_path, routes=3))

    assert [route["path"] for route in plain.pop("routes")] == ["/api/users/*"]
    assert [route["path"] for route in many.pop("routes")] == [
        "/api/service-0/*",
        "/api/service-1/*",
        "/api/service-2/*",
    ]
    assert plain == many
