"""Python's collector rests while a command that ends soon is at work."""

from __future__ import annotations

import gc
from functools import partial

import pytest

from gateway import cli
from gateway.commands.resting import collector_resting


@collector_resting()
def end() -> None:
    """Stand for a command that has found something."""
    assert not gc.isenabled()
    raise SystemExit(1)


def test_the_collector_works_again_afterwards() -> None:
    """Whatever ends the command."""
    with pytest.raises(SystemExit):
        end()

    assert gc.isenabled()


def test_who_has_switched_it_off_finds_it_so() -> None:
    """A caller's own choice is kept."""
    gc.disable()
    try:
        with collector_resting():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()


@pytest.mark.parametrize("name", ["check", "config", "diff", "explain", "lint", "plan", "routes", "schema", "test"])
def test_commands_that_look_at_a_configuration_end_soon(name: str) -> None:
    """They are made so that it rests; what serves is not."""
    callback = cli.main.commands[name].callback
    assert hasattr(callback.func if isinstance(callback, partial) else callback, "__wrapped__")
    assert not hasattr(cli.main.commands["run"].callback, "__wrapped__")
