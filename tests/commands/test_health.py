"""`gateway health` in words; on a gateway that runs it is in `tests/system/test_commands.py`."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner

from gateway.cli import main
from gateway.commands.health import words


def test_checks_are_told_on_one_line() -> None:
    """In the order of their names, whatever that of the answer."""
    answer = b'{"status": "degraded", "checks": {"upstreams": "ok", "redis": "degraded"}}'

    assert words(answer) == "degraded: redis degraded, upstreams ok"


def test_an_answer_without_checks_is_one_word() -> None:
    """As while it drains."""
    assert words(b'{"status": "draining"}') == "draining"


def test_the_environment_says_where_the_admin_port_is(tmp_path: Path) -> None:
    """So that the HEALTHCHECK of an image fits a configuration of another port; nobody is there: 1."""
    done = CliRunner().invoke(main, ["health"], env={"GATEWAY_ADMIN_URL": f"unix:{tmp_path}/admin.sock"})

    assert done.exit_code == 1
    assert f"does not answer at unix:{tmp_path}/admin.sock: No such file or directory" in done.output


def test_an_url_that_is_none_is_a_line_that_makes_no_sense() -> None:
    """It exits with 2, and says what was wanted."""
    done = CliRunner().invoke(main, ["health", "--admin", "localhost:9090"])

    assert done.exit_code == 2
    assert "is no URL of an admin port" in done.output
