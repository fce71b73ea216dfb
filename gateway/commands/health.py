"""`gateway health`: whether a gateway is ready, or lives; for people, and for whoever looks after processes.

The exit code is 0 or 1, all that Docker takes from a HEALTHCHECK; 2 is, as for every command, a line that makes no
sense.
"""

from __future__ import annotations

import json
from typing import Final

import click

from gateway.commands.defaults import ADMIN_PORT

PATIENCE: Final = 3.0
"""Seconds for an answer: less than those who run checks have, so that it is said what is wrong."""


@click.command()
@click.option(
    "--admin",
    "url",
    metavar="URL",
    default=ADMIN_PORT,
    show_default=True,
    envvar="GATEWAY_ADMIN_URL",
    show_envvar=True,
    help="The admin port; also unix:PATH.",
)
@click.option("--live", is_flag=True, help="Ask only whether it serves, not whether its backends do.")
@click.option("--json", "as_json", is_flag=True, help="What the gateway answers, a JSON object.")
def health(url: str, live: bool, as_json: bool) -> None:
    """Tell whether a gateway is ready for requests.

    What is restarted when it is unhealthy should be asked with --live: a restart brings no backend back.

    Exits with 0 where it is, with 1 where it is not or nobody answers, with 2 where the line makes no sense.
    """
    from gateway.commands.admin_port import AdminPort, NoAnswer

    try:
        status, content = AdminPort(url, PATIENCE).get("/health/live" if live else "/health/ready")
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="'--admin'") from None
    except NoAnswer as error:
        click.echo(error, err=True)
        raise SystemExit(1) from None
    if as_json:
        click.echo(json.dumps(json.loads(content), indent=2))
    else:
        click.echo(words(content), err=status != 200)
    raise SystemExit(0 if status == 200 else 1)


def words(content: bytes) -> str:
    """Return what the answer says on one line: `degraded: redis degraded, upstreams ok`."""
    said = json.loads(content)
    checks = ", ".join(f"{name} {found}" for name, found in sorted(said.get("checks", {}).items()))
    return f"{said['status']}: {checks}" if checks else str(said["status"])
