"""What `gateway check` says of `discovery`: secrets in the clear, certificates that name nobody, a cache of nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.config.doubts.test_doubts import doubts

CONSUL = {"type": "consul", "service": "a"}
ETCD = {"type": "etcd", "prefix": "/a", "user": "u", "password": "p"}
KUBERNETES = {"type": "kubernetes", "service": "a"}


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ({**CONSUL, "token": "s3cret", "url": "http://consul.internal:8500"}, "token: it goes to consul.internal in"),
        ({**ETCD, "endpoints": ["https://a", "http://10.0.0.1:2379"]}, "password: it goes to 10.0.0.1 in the clear"),
        ({**KUBERNETES, "url": "http://api", "token_file": "t"}, "token_file: it goes to api in the clear"),
        ({**KUBERNETES, "scheme": "https"}, "scheme: members are found by their addresses"),
        ({**CONSUL, "scheme": "https"}, "scheme: members are found by their addresses"),
        ({"type": "dns_srv", "name": "a", "resolver": "10.0.0.1:53", "scheme": "https"}, "scheme: members are found"),
    ],
)
def test_what_is_doubtful(tmp_path: Path, found: dict[str, Any], said: str) -> None:
    """Each with its place, and no secret."""
    (doubt,) = doubts(tmp_path, upstream={"discovery": found})

    assert doubt.startswith(f"upstreams[0].discovery.{said}")
    assert "s3cret" not in doubt


@pytest.mark.parametrize(
    "found",
    [
        {**CONSUL, "token": "s3cret"},
        {**CONSUL, "url": "http://consul.internal:8500"},
        {**ETCD, "endpoints": ["https://a", "http://[::1]:2379", "http://127.0.0.1:2379"]},
        KUBERNETES,
        {"type": "dns_srv", "name": "a", "scheme": "https"},
        {"type": "dns", "name": "a", "scheme": "https"},
    ],
)
def test_what_is_not(tmp_path: Path, found: dict[str, Any]) -> None:
    """On this machine, over TLS, and where there is no secret."""
    assert doubts(tmp_path, upstream={"discovery": found}, discovery_cache="found.json") == []


def test_a_cache_of_nothing(tmp_path: Path) -> None:
    """No upstream finds its members."""
    (doubt,) = doubts(tmp_path, discovery_cache="found.json")
    assert doubt.startswith("discovery_cache: nothing is ever kept")
