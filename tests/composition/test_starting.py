"""What keeps a gateway from starting."""

from __future__ import annotations

import pytest

from gateway.composition.starting import StartError, now
from gateway.listening.endpoints import ListenFailed


@pytest.mark.parametrize(("admin", "key"), [("tcp:1", "admin.endpoint"), ("tcp:2", "listeners")])
def test_a_port_that_cannot_be_opened_is_named_with_its_key(admin: str, key: str) -> None:
    """And ends the process with 1."""

    async def opening() -> None:
        raise ListenFailed("tcp:1", "taken")

    with pytest.raises(StartError, match=rf"gateway: cannot listen on tcp:1: taken \(`{key}`\)"):
        now(opening(), admin)


def test_what_else_goes_wrong_is_what_it_is() -> None:
    """It is a mistake of ours."""

    async def opening() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        now(opening(), "")
