"""Upstreams out of settings: what stays from one configuration to the next, and what does not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gateway.dialling.tls_errors import TLSSettingsError
from gateway.testing import Harness
from gateway.upstream.backend_pool import BackendPool
from gateway.upstream.standing import Standing
from tests.pki import Authority


@pytest.fixture
def ca(tmp_path: Path) -> Path:
    """Whom the gateway trusts."""
    return Authority().write(tmp_path / "ca.pem")


def gateway(url: str, ca: Path) -> Harness:
    """One watched backend."""
    tls = {"ca": str(ca)}
    upstream = {"name": "orders", "backends": [{"url": url}], "tls": tls, "circuit_breaker": {}}
    return Harness(upstreams=[upstream])


def parts(harness: Harness) -> tuple[BackendPool, Standing | None]:
    """The pool of the backend in force, and what is known of it."""
    (backend,) = harness.gateway.root.tree.upstreams["orders"].backends
    return backend.pool, backend.standing


@pytest.mark.parametrize("change", [{}, {"log": {"level": "warn"}}])
def test_a_reload_that_changes_nothing_about_it_keeps_a_backend(ca: Path, change: dict[str, Any]) -> None:
    """Its connections, and what is known of it."""
    harness = gateway("https://127.0.0.1:9001", ca)
    before = parts(harness)

    harness.apply(**change)

    assert parts(harness) == before


def test_a_renewed_certificate_makes_new_connections(ca: Path) -> None:
    """The name of the file is the same; what it holds is not."""
    harness = gateway("https://127.0.0.1:9001", ca)
    pool, standing = parts(harness)
    Authority().write(ca)

    harness.apply()

    assert parts(harness)[0] is not pool
    assert parts(harness)[1] is not standing


def test_files_that_no_backend_needs_are_not_read(ca: Path) -> None:
    """In the clear there are no certificates."""
    harness = gateway("http://127.0.0.1:9001", ca)
    before = parts(harness)
    ca.unlink()

    harness.apply()

    assert parts(harness) == before


def test_a_file_that_is_gone_changes_nothing(ca: Path) -> None:
    """It may come back."""
    harness = gateway("https://127.0.0.1:9001", ca)
    before = parts(harness)
    ca.unlink()

    with pytest.raises(TLSSettingsError, match=r"^upstreams\[[^]]+\]\.tls\.ca: cannot read"):
        harness.apply()

    assert parts(harness) == before
