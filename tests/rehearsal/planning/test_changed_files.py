"""Files that two configurations name alike, and that hold something else."""

from __future__ import annotations

from pathlib import Path

from gateway.config.linting import lint
from gateway.rehearsal.planning.changed_files import changed_files
from gateway.rehearsal.planning.plan import plan

TEXT = "auth: {basic: {users_file: users}}\nroutes: [{path: /, respond: {}, auth: {type: basic}}]\n"


def stand(directory: Path, users: str | None) -> Path:
    """A configuration beside its file of users."""
    directory.mkdir()
    file = directory / "g.yaml"
    file.write_text(TEXT)
    if users is not None:
        (directory / "users").write_text(users)
    return file


def test_files_that_hold_something_else(tmp_path: Path) -> None:
    """Those that are there twice; a copy of the configuration alone has none."""
    old, new = stand(tmp_path / "old", "a:x\n"), stand(tmp_path / "new", "b:x\n")
    alone = stand(tmp_path / "alone", None)
    settings = lint(old, {}, new.parent).loaded.settings

    assert list(changed_files(settings, old.parent, new.parent)) == ["users"]
    assert list(changed_files(settings, alone.parent, new.parent)) == []
    assert list(changed_files(settings, new.parent, new.parent)) == []


def test_a_configuration_elsewhere_is_the_same(tmp_path: Path) -> None:
    """What it names is looked for beside the other one: a copy out of the history has no files."""
    hashed = "a:$2b$04$abcdefghijklmnopqrstuuhmLpKjXqAFAWWVSk6rsQ2VvXI1Wd8Cm\n"
    old, new = stand(tmp_path / "old", None), stand(tmp_path / "new", hashed)
    after = lint(new, {})

    made = plan(lint(old, {}, after.directory), after)

    assert (made.changes, made.everywhere) == ([], [])
