"""Those who are asked about callers: what stays from one configuration to the next."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gateway.testing import Harness
from tests.pki import Authority

WAYS: dict[str, dict[str, Any]] = {
    "forward": {"forward": {"default": {"url": "https://auth.example/check"}}},
    "introspection": {"introspection": {"default": {"url": "https://auth.example/introspect"}}},
    "jwt": {"jwt": {"default": {"algorithms": ["RS256"], "jwks_url": "https://auth.example/jwks"}}},
}


def gateway(way: str, ca: Path) -> Harness:
    """One that asks an authority which is trusted by a file."""
    ((_, named),) = WAYS[way].items()
    key = "jwks_ca" if way == "jwt" else "ca"
    route = {"name": "orders", "path": "/*", "upstream": "orders", "auth": {"type": way}}
    return Harness("orders", routes=[route], auth={way: {"default": {**named["default"], key: str(ca)}}})


def kept(harness: Harness) -> set[object]:
    """What is there now of fetchers and key sets."""
    things = harness.gateway.foundation.carried._things
    return {thing for key, thing in things.items() if isinstance(key, tuple) and key[0] in ("authority", "jwks")}


@pytest.mark.parametrize("way", WAYS)
def test_whom_to_trust_is_read_again_when_the_file_has_changed(tmp_path: Path, way: str) -> None:
    """And only then: connections and keys are kept."""
    ca = Authority().write(tmp_path / "ca.pem")
    harness = gateway(way, ca)
    before = kept(harness)
    assert len(before) == 1

    harness.apply()
    assert kept(harness) == before

    Authority().write(ca)
    harness.apply()
    assert kept(harness).isdisjoint(before)
