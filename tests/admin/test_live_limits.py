"""Limits and who is near them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.composition import live_limits
from gateway.composition.live_limits import shortened
from tests.admin.api import CONFIGURATION, Api

__all__ = ["live_limits"]

LIMITED = CONFIGURATION.replace(
    "{path: /others,", "{name: others, in_flight: 5, rate_limit: {limit: 4, window: 60s, scope: ip}, path: /others,"
)
LIMITED += """
rate_limits:
  - {limit: 100, window: 10s, scope: ip, path: /others}
"""


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    """A running gateway."""
    made = Api(tmp_path / "gateway.yaml", LIMITED)
    yield made
    made.stop()


def test_who_is_near_comes_first(api: Api) -> None:
    """With what is used of what, and when more may pass; looking uses nothing."""
    for _ in range(3):
        api.status("/others")
    view = api.get("/live/limits")
    assert view == api.get("/live/limits")
    nearest, other = view["near"]
    assert (nearest["where"], nearest["key"], nearest["used"], nearest["of"]) == ("route others", "192.0.2.1", 3, 4)
    assert (other["where"], other["used"], other["of"]) == ("rate_limits[0] /others", 3, 100)
    assert nearest["again"] == 0

    assert [api.status("/others") for _ in range(2)] == [200, 429]
    assert api.get("/live/limits")["near"][0]["again"] > 0


def test_limits_and_places_are_listed(api: Api) -> None:
    """Those of the configuration in force."""
    view = api.get("/live/limits")
    assert view["near"] == []
    assert {one["where"] for one in view["limits"]} >= {"route others", "rate_limits[0] /others"}
    assert {"scope": "route", "name": "others", "limit": 5, "in_flight": 0, "waiting": 0} in view["places"]


def test_without_limits_there_is_nothing(tmp_path: Path) -> None:
    """And with several processes it is said why nobody can be named."""
    api = Api(tmp_path / "gateway.yaml")
    assert api.get("/live/limits")["total"] == 0
    api.stop()

    several = Api(tmp_path / "several.yaml", LIMITED, passes=True)
    several.status("/others")
    view = several.get("/live/limits")
    assert (view["near"], "digests" in view["words"]) == ([], True)
    several.stop()


def test_keys_are_shortened() -> None:
    """Addresses are shown as they are, names of callers are cut; what clients made up is text."""
    assert shortened(b"4192.0.2.1") == "192.0.2.1"
    assert shortened(b"6\x20\x01\x0d\xb8\0\0\0\0") == "2001:db8::/64"
    assert shortened(b"ualexandra") == "user alex…"
    assert shortened(b"hab") == "field ab"
    assert shortened(b"rorders-of-all") == "route orders-of-all"
    assert shortened(b"k\xff\xfe") == "API key \ufffd\ufffd"
    assert shortened(b"#0123456789abcdef") == shortened(b"") == "several, or a long one"
