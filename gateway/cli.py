"""The command line: `gateway run`, `routes`, `config`, and the others, of `gateway.commands`.

What a command needs is imported when it runs, so that `gateway --version` and
completion in a shell are quick.
"""

from __future__ import annotations

import errno
import json
import os
import sys
import traceback
from pathlib import Path
from typing import Any, Final

from gateway import __version__, early
from gateway.compiled import KIND

if sys.argv[1:2] == ["run"]:
    early.hold()  # before the imports below: a SIGHUP that comes while they run must not end a gateway that starts

import click

from gateway.commands.apikey import apikey
from gateway.commands.check import check
from gateway.commands.completion import completion
from gateway.commands.explain.command import explain
from gateway.commands.hash_secret import hash_secret
from gateway.commands.health import health
from gateway.commands.importing import import_
from gateway.commands.lint import lint
from gateway.commands.new.command import new
from gateway.commands.plan.command import diff, plan
from gateway.commands.plugin import plugin
from gateway.commands.reading import COULD_NOT, loaded
from gateway.commands.replay.command import replay
from gateway.commands.resting import collector_resting
from gateway.commands.schema import schema
from gateway.commands.simulate.command import simulate
from gateway.commands.test.command import test
from gateway.commands.top.command import top
from gateway.commands.upgrade import upgrade
from gateway.commands.why.command import why

INTERRUPTED: Final = 130
"""The exit code that a shell has for a command that SIGINT has ended."""

UNREAD: Final = 141
"""Likewise for one that SIGPIPE has ended: whoever read its output has seen enough."""

_PATH = click.argument("path", metavar="PATH", type=click.Path())


class Commands(click.Group):
    """The commands. However one ends, its exit code is not that of a finding where there is none.

    Click would print "Aborted!" at Ctrl-C and exit with 1, which says that a test failed or that something differs; and
    so would it where the reader of a pipe has gone, and Python at a full disk or a mistake of ours.
    """

    def invoke(self, ctx: click.Context) -> Any:
        """Run one."""
        _open_what_is_closed()
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()  # what cannot be written is told here, and not by the interpreter's end
        except KeyboardInterrupt:
            raise SystemExit(INTERRUPTED) from None
        except BrokenPipeError:
            _write_no_more()
            raise SystemExit(UNREAD) from None
        except (click.ClickException, click.exceptions.Exit, click.Abort, SystemExit):
            raise  # SystemExit, since `StartError` is an Exception too
        except Exception as error:
            if isinstance(error, OSError) and error.errno == errno.ENOSPC:
                _write_no_more()
                click.echo(f"cannot write: {error.strerror}", err=True)
            else:
                click.echo(traceback.format_exc(), nl=False, err=True)
            raise SystemExit(COULD_NOT) from error
        return result


def _open_what_is_closed() -> None:
    """Let outputs that are not there (`>&-`) go nowhere: Python has None in their place, which nobody can flush."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115  # as long as the process


def _write_no_more() -> None:
    """Let what is still kept for standard output go nowhere: it would fail again when the interpreter ends."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(f"{__version__} ({KIND})", prog_name="gateway")
@click.pass_context
def main(context: click.Context) -> None:
    """An event-driven HTTP gateway on Twisted.

    PATH is a YAML or JSON file, or a directory of them.
    """
    if os.environ.get("NO_COLOR"):
        context.color = False


@main.command()
@_PATH
@click.option("--json", "as_json", is_flag=True, help="One JSON array in place of the table.")
@collector_resting()
def routes(path: str, as_json: bool) -> None:
    """Show the effective routes, in the order of the configuration.

    Exits with 0, and with 2 where the configuration cannot be used.
    """
    from gateway.commands.table import show
    from gateway.config.effective import route_table

    rows = route_table(loaded(path).settings)
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    if not rows:
        click.echo("no routes")
        return
    show([key.replace("_", " ") for key in rows[0]], [[_cell(value) for value in row.values()] for row in rows])


@main.command("config")
@_PATH
@click.option("--effective", is_flag=True, help="What is shown in any case.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object in place of YAML; it does not say where from.")
@collector_resting()
def effective_config(path: str, effective: bool, as_json: bool) -> None:
    """Show the effective configuration: every key, in its normal form, secrets masked, and where each value comes from.

    That stands in a comment behind it: FILE:LINE, with `group NAME` or `defaults.route` before it where the value was
    taken over from there; `default` where nobody says anything.

    Exits with 0, and with 2 where the configuration cannot be used.
    """
    from gateway.config.effective import effective as in_force
    from gateway.config.origins import annotated

    found = loaded(path)
    if as_json:
        click.echo(json.dumps(in_force(found.settings), indent=2))
    else:
        click.echo(annotated(found.settings, found.root), nl=False)


@main.command()
@click.argument("path", metavar="[PATH]", required=False, type=click.Path())
@click.option("--config", "-c", "named", metavar="PATH", help="The configuration: PATH, said as twistd has it.")
@click.option(
    "--proxy",
    "-p",
    "forms",
    metavar="LISTEN=BACKEND",
    multiple=True,
    help="Needs no file: 8080=http://127.0.0.1:9001, 8080=9001, 0.0.0.0:80/api=app:9001. May be said several times.",
)
@click.option("--pidfile", metavar="FILE", default="", help="Where to write the process id; by default nowhere.")
def run(path: str | None, named: str | None, forms: tuple[str, ...], pidfile: str) -> None:
    """Run the gateway in the foreground: `twistd -n --pidfile= gateway --config PATH`.

    Without a configuration, and without etc/gateway.yaml, it shows a page that says what to do next. Nothing is
    written to the working directory.

    Exits with 0 when it was told to stop, with 1 where it could not start, with 2 where the line makes no sense.
    """
    from twisted.scripts.twistd import run as twistd

    # By default twistd writes twistd.pid into the working directory, which may be read-only or have another gateway's.
    sys.argv = ["twistd", "-n", f"--pidfile={pidfile}", "gateway", *_configuration(path, named, forms)]
    twistd()


def _configuration(path: str | None, named: str | None, forms: tuple[str, ...]) -> list[str]:
    """Return the options of the configuration to run; what `--proxy` stands for is printed."""
    from gateway.commands.proxying import admin_endpoint
    from gateway.commands.welcome import is_wanted
    from gateway.config.proxies import ProxyError, as_text

    if sum(said is not None and said != () for said in (path, named, forms)) > 1:
        raise click.UsageError("PATH, --config and --proxy are three ways to say the configuration: use one of them.")
    configuration = named if path is None else path
    if configuration == "":
        raise click.UsageError("Which configuration? The path is empty.")
    if configuration is not None:
        return ["--config", configuration]
    if forms:
        try:
            for line in as_text(forms, admin_endpoint()).splitlines():
                click.echo(click.style(line, dim=True) if line.startswith("#") else line)
        except ProxyError as error:
            raise click.BadParameter(str(error), param_hint="'--proxy'") from None
        return [word for form in forms for word in ("--proxy", form)]
    if Path("etc/gateway.yaml").exists():
        return []
    if not is_wanted():
        raise click.UsageError("Which configuration? Say PATH, or --proxy 8080=http://127.0.0.1:9001.")
    return ["--welcome"]


main.add_command(hash_secret)
main.add_command(apikey)
main.add_command(check)
main.add_command(completion)
main.add_command(explain)
main.add_command(lint)
main.add_command(new)
main.add_command(plan)
main.add_command(diff)
main.add_command(plugin)
main.add_command(replay)
main.add_command(schema)
main.add_command(simulate)
main.add_command(test)
main.add_command(upgrade)
main.add_command(health)
main.add_command(why)
main.add_command(top)
main.add_command(import_)


def _cell(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "-"
    return str(value)


if __name__ == "__main__":
    main()
