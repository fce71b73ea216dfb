"""Kinds of source: what a kind does not read is listed without its doing."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.config import ConfigError
from gateway.importing.draft import Draft, Hint
from gateway.importing.kinds import KINDS, Kind, Module, convert
from gateway.importing.parts import Part, read_part


def fill(source: Part, draft: Draft) -> None:
    """Take the timeout."""
    draft.section("timeouts")["connect"] = source.number("connect")


TOY = {"toy": Kind("a toy", read_part, lambda: Module(fill, {"lua": Hint("a program")}))}


def test_what_a_kind_does_not_read_is_listed(tmp_path: Path) -> None:
    """Whatever the module does."""
    file = tmp_path / "toy.yaml"
    file.write_text("connect: 5\nread: 6\nlua: x\n")

    draft = convert("toy", str(file), TOY)

    assert draft.top == {"timeouts": {"connect": 5}}
    assert [(one.place.line, one.what) for one in draft.in_order()] == [(2, "read"), (3, "lua")]


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """It is an error, whatever the kind."""
    with pytest.raises(ConfigError):
        convert("toy", str(tmp_path / "none.yaml"), TOY)


def test_every_kind_can_be_loaded() -> None:
    """And says in words what it is."""
    for kind in KINDS.values():
        assert kind.words
        assert callable(kind.load().fill)
