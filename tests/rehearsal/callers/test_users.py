"""Users of `auth.basic` that are made up."""

from __future__ import annotations

from base64 import b64encode
from pathlib import Path
from typing import Any

import bcrypt
import pytest

from gateway.config import ConfigError
from gateway.config.schema.cases import TIME, CaseRequest
from gateway.rehearsal.callers.users import with_users
from gateway.rehearsal.stage import CannotShow, Outcome
from tests.rehearsal.callers.test_credentials import stage


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Two users and their passwords."""
    made = tmp_path / "users"
    made.write_text("".join(f"{name}:{_hash(name)}\n" for name in ("ada", "bob")))
    return made


def _hash(name: str) -> str:
    return bcrypt.hashpw(name.encode(), bcrypt.gensalt(4)).decode()


def ask(file: Path, claims: dict[str, Any] | None, *callers: dict[str, Any], **request: Any) -> Outcome:
    """Ask a route that wants a name and a password."""
    asked = stage({"basic": {"users_file": str(file)}}, {"type": "basic"}, *callers, *([claims] if claims else []))
    asked.begin(TIME, {})
    return asked.ask(CaseRequest(url="http://x/a", **request), claims)


@pytest.mark.parametrize("name", ["ada", "nobody-of-the-file", "Ünal Ö"])
def test_a_caller_is_a_user(file: Path, name: str) -> None:
    """Whether the file has the name or not; no file is left behind."""
    before = file.read_bytes()

    outcome = ask(file, {"sub": name})

    assert (outcome.answer.status, outcome.record["user_id"]) == (200, name)
    assert file.read_bytes() == before


def test_who_knows_a_password_is_let_in_as_ever(file: Path) -> None:
    """Beside callers that are made up."""
    right, wrong = (f"Basic {b64encode(said.encode()).decode()}" for said in ("bob:bob", "bob:rehearsal"))

    assert ask(file, None, {"sub": "ada"}, headers={"Authorization": right}).answer.status == 200
    assert ask(file, None, {"sub": "ada"}, headers={"Authorization": wrong}).answer.status == 401


@pytest.mark.parametrize("claims", [{"scope": "read"}, {"sub": "a:b"}, {"sub": ""}, {"sub": " a"}, {"sub": "#a"}])
def test_what_is_no_name(file: Path, claims: dict[str, Any]) -> None:
    """Is said, and nothing is sent."""
    with pytest.raises(CannotShow, match="no `sub` that can be the name of a user"):
        ask(file, claims)


def test_a_file_that_cannot_be_used_is_told_by_its_own_name(file: Path) -> None:
    """And not by that of the file with more users."""
    file.write_text("ada\n")

    with pytest.raises(ConfigError) as raised:
        ask(file, {"sub": "ada"})

    assert raised.value.problems[0].file == str(file)


def test_without_callers_nothing_is_written(file: Path) -> None:
    """The section is as it was."""
    from gateway.config.schema.basic import Basic

    basic = Basic(users_file=str(file))
    with with_users(basic, []) as same, with_users(None, [{"sub": "a"}]) as none:
        assert same is basic
        assert none is None
