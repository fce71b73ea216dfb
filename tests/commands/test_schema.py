from __future__ import annotations

import json
import re

from click.testing import CliRunner

from gateway.cli import main
from gateway.commands.schema import FILE


def printed(*arguments: str) -> str:
    """Run the command, which must end well."""
    done = CliRunner().invoke(main, ["schema", *arguments])
    assert done.exit_code == 0
    return done.stdout


def test_the_schema_is_one_json_document() -> None:
    """As an editor reads it."""
    assert json.loads(printed())["title"] == "Gateway configuration"


def test_every_editor_is_told_of() -> None:
    """In place of the schema."""
    said = printed("--install")

    assert re.findall(r"^([A-Z][A-Za-z ]+?)(?: 0.11 .*|, .*)?$", said, re.MULTILINE) == [
        *("VS Code", "Vim", "Neovim", "PyCharm")
    ]
    assert f"gateway schema >{FILE}" in said


def test_settings_for_vs_code_are_json() -> None:
    """They are pasted as they stand."""
    settings = re.search(r"^ +(\{.*\})$", printed("--install"), re.MULTILINE)

    assert settings is not None
    assert json.loads(settings[1]) == {"yaml.schemas": {f"./{FILE}": ["etc/*.yaml", "gateway.yaml"]}}
