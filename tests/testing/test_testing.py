"""What the package promises is there, when it is asked for."""

from __future__ import annotations

import pytest

from gateway import testing


def test_every_name_is_there() -> None:
    """None is promised that cannot be had, and others are not there."""
    assert [name for name in testing.__all__ if getattr(testing, name).__name__ != name] == []
    with pytest.raises(AttributeError, match="has no attribute 'Nothing'"):
        testing.Nothing  # noqa: B018 - that it raises is what is tested
