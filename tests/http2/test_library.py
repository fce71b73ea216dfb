"""Whether HTTP/2 can be spoken."""

from __future__ import annotations

import sys

import pytest

from gateway.http2 import library


def test_it_is_available() -> None:
    """Where the tests run."""
    assert library.available()


def test_without_the_library_it_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where its wheel is missing, HTTP/2 is not offered, and nothing else changes."""
    monkeypatch.setattr(library, "find_spec", lambda name: None)

    assert not library.available.__wrapped__()
    assert "ngh2" not in sys.modules or library.available()
