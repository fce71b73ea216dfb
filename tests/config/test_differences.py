"""What one configuration has other than another."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.config import from_mapping
from gateway.config.differences import Difference, differences

BASE: dict[str, Any] = {
    "upstreams": [{"name": "users", "backends": [{"url": "http://127.0.0.1:9001"}]}],
    "routes": [{"name": name, "path": f"/{name}", "upstream": "users"} for name in ("a", "b")],
    "rate_limits": [{"limit": 5, "window": "1s"}],
    "groups": {"slow": {"timeout": "60s"}},
}


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({}, []),
        ({"dry_run_header": True}, [("dry_run_header", "", "changed")]),
        ({"routes": BASE["routes"][::-1]}, [("routes", "", "moved")]),
        (
            {"routes": [{**BASE["routes"][1], "path": "/c"}, {"name": "new", "path": "/n", "upstream": "users"}]},
            [("routes", "new", "added"), ("routes", "a", "removed"), ("routes", "b", "changed")],
        ),
        ({"rate_limits": []}, [("rate_limits", "0", "removed")]),
        ({"rate_limits": BASE["rate_limits"] * 2}, [("rate_limits", "1", "added")]),
        ({"groups": {"slow": {"timeout": "70s"}}}, [("groups", "slow", "changed")]),
        (
            {"listeners": [{"endpoint": "tcp:1"}]},
            [("listeners", "tcp:1", "added"), ("listeners", "tcp:8080", "removed")],
        ),
    ],
)
def test_things_by_name_and_other_keys(changes: dict[str, Any], found: list[tuple[str, str, str]]) -> None:
    """Of what has no name the key is said."""
    differing = differences(from_mapping(BASE), from_mapping({**BASE, **changes}))

    assert differing == tuple(Difference(*one) for one in found)  # type: ignore[arg-type]  # the words are right


def test_what_is_written_may_mean_something_else_than_the_default() -> None:
    """A route with `compression: off` has none, whatever stands at top level."""
    off = [{**BASE["routes"][0], "compression": "off"}, BASE["routes"][1]]

    assert differences(from_mapping(BASE), from_mapping({**BASE, "routes": off})) == (("routes", "a", "changed"),)


def test_a_change_and_its_opposite_name_the_same_things() -> None:
    """What one adds, the other removes."""
    one, other = from_mapping(BASE), from_mapping({**BASE, "routes": BASE["routes"][:1]})

    assert differences(one, other) == (("routes", "b", "removed"),)
    assert differences(other, one) == (("routes", "b", "added"),)
