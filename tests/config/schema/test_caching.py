"""What a configuration says of caches."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from gateway.config.schema.caching import Cache, CacheMemory


def test_the_defaults() -> None:
    """Those of the contract."""
    cache = Cache()

    assert cache.model_dump() == {
        "methods": ("GET", "HEAD"),
        "ttl": 0.0,
        "override_ttl": None,
        "max_entry": 2**20,
        "vary": (),
        "query": "all",
        "stale_while_revalidate": 0.0,
        "stale_if_error": 0.0,
        "coalesce": True,
        "tags": "Surrogate-Key",
        "status": True,
    }
    assert CacheMemory().size == 64 * 2**20


@pytest.mark.parametrize(
    ("query", "read"), [("all", "all"), ("none", "none"), (["page", 1], ("page", "1")), (["all"], ("all",))]
)
def test_parameters(query: Any, read: Any) -> None:
    """All, none, or some by name."""
    assert Cache.model_validate({"query": query}).query == read


@pytest.mark.parametrize(
    "wrong",
    [
        {"query": "some"},
        {"query": []},
        {"methods": ["POST"]},
        {"methods": []},
        {"vary": ["not a field"]},
        {"tags": ""},
        {"ttl": "soon"},
        {"override_ttl": -1},
    ],
)
def test_what_is_refused(wrong: dict[str, Any]) -> None:
    """Other methods change things; the rest is no such value."""
    with pytest.raises(ValidationError):
        Cache.model_validate(wrong)
