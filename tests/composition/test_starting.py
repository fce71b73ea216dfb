"""What keeps a gateway from starting."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.composition.configured import Configured
from gateway.composition.starting import StartError, now
from gateway.config import Settings
from gateway.listening.endpoints import ListenFailed


@pytest.mark.parametrize(
    ("endpoint", "where"),
    [("tcp:1", "2:19: admin.endpoint"), ("tcp:2", "1:24: listeners[0].endpoint")],
)
def test_a_port_that_cannot_be_opened_is_named_with_its_key(tmp_path: Path, endpoint: str, where: str) -> None:
    """And with where that is written; it ends the process with 1."""
    file = tmp_path / "g.yaml"
    file.write_text('listeners: [{endpoint: "tcp:2"}]\nadmin: {endpoint: "tcp:1"}\n')

    async def opening() -> None:
        raise ListenFailed(endpoint, "taken")

    configured = Configured(file, {}, lambda: None)
    with pytest.raises(StartError) as caught:
        now(opening(), configured.settings, configured.tree)
    assert str(caught.value) == f"gateway: cannot listen on {endpoint}: taken ({file}:{where})"


def test_what_else_goes_wrong_is_what_it_is() -> None:
    """It is a mistake of ours."""

    async def opening() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        now(opening(), Settings(), lambda settings: None)
