"""The command: `python -m benchmarks [ab|micro|profile|install] …`; `make bench` calls it.

Every option has an environment variable, for `make`: BENCH_SECONDS=1 is
`--seconds 1`.
"""

from __future__ import annotations

import argparse
import contextlib
import math
import os
import re
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from benchmarks import ab, compiled, peers, profile, report
from benchmarks.figures import Outcome, Table
from benchmarks.micro import exchanges, turns
from benchmarks.peers import ROOT
from benchmarks.processes import raise_file_limit
from benchmarks.progress import say, warn
from benchmarks.proxies import registry as proxy_registry
from benchmarks.proxies.base import Proxy
from benchmarks.proxies.chained import Chained
from benchmarks.proxies.gateway import Gateway, gateways
from benchmarks.scenarios import registry as scenario_registry
from benchmarks.scenarios.chain import Chain, ChainTLS
from benchmarks.scenarios.load import Load
from benchmarks.stand import BACKEND_PORT, stand
from benchmarks.targets import judge


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return the exit status: 1 where the gateway could not be measured."""
    options = _parser().parse_args(_with_default_command(sys.argv[1:] if arguments is None else arguments))
    raise_file_limit()
    signal.signal(signal.SIGTERM, _leave)
    try:
        return int(options.command(options))
    except (ValueError, RuntimeError, FileNotFoundError) as error:
        warn(str(error))
        return 2
    except KeyboardInterrupt:
        return 130


def bench(options: argparse.Namespace) -> int:
    """Compare the proxies in all chosen scenarios."""
    if options.section and options.markdown:
        report.expect_section(options.markdown, options.section)
    chosen = scenario_registry.choose(_names(options.scenarios))
    proxies = proxy_registry.choose(_names(options.proxies), options.proxy_command)
    if options.install:
        programs = [program for proxy in proxies for program in proxy.needs]
        peers.install(["wrk", "h2load", "nginx", *programs, *scenario_registry.needs(chosen)])
    proxies = _without_outdated(proxies, build=options.install)
    outcomes: dict[str, Outcome] = {}
    with stand(options.seconds, options.rounds, options.backend_port, pin=options.pin) as ready:
        began = time.monotonic()
        for number, scenario in enumerate(chosen, 1):
            minutes = (time.monotonic() - began) / 60
            say(f"{scenario.name}: {number} of {len(chosen)}, {minutes:.1f} min so far", "cyan")
            some = proxies if options.proxies else scenario_registry.asked(scenario.name, proxies)
            outcomes[scenario.name] = scenario.run(ready, some)
    ours = sorted(gateways(proxies), key=lambda proxy: proxy.checkout != compiled.BUILT)
    subject, *beside = [options.subject] if options.subject else [proxy.name for proxy in ours] or ["gateway"]
    measured = {key: value for outcome in outcomes.values() for key, value in outcome.figures.items()}
    tables = [table for outcome in outcomes.values() for table in outcome.tables]
    verdicts = judge(measured, subject, beside)
    if verdicts:
        tables.append(verdicts)
    _show(tables, options, subject, options.section or report.FIGURES)
    if options.json:
        report.write_json(options.json, outcomes, report.machine())
    wanted = subject in [proxy.name for proxy in proxies]
    return 1 if wanted and not any(re.search(rf"\.{re.escape(subject)}[.+]", key) for key in measured) else 0


def compare(options: argparse.Namespace) -> int:
    """Compare the working tree with a revision."""
    if options.install:
        peers.install(["wrk", "h2load", "nginx"])
    with stand(options.seconds, options.rounds, options.backend_port) as ready:
        chained = isinstance(scenario_registry.choose([options.scenario])[0], Chain | ChainTLS)
        make = Chained if chained else Gateway
        table = ab.compare(ready, _load(options.scenario), options.base, make)
    if table is None:
        return 1
    _show([table], options, "working tree")
    return 0


def micro(options: argparse.Namespace) -> int:
    """Measure what lies between recv and send, of the working tree or of it and a revision."""
    chosen = exchanges.choose(_names(options.scenarios))
    with contextlib.ExitStack() as stack:
        sides = {"working tree": ROOT}
        if options.against:
            sides = {options.against: stack.enter_context(ab.worktree(options.against)), **sides}
        table = turns.compare(chosen, sides, options.rounds, instructions=options.instructions)
    print(report.text(table, sys.stdout, highlight="working tree"))
    for note in table.notes:
        print(note)
    return 0


def profiled(options: argparse.Namespace) -> int:
    """Show where a proxy's time goes; it has to be a Python program."""
    if options.install:
        peers.install(["wrk", "h2load", "nginx"])
    proxies = proxy_registry.choose(_names(options.proxies) if not options.proxy_command else [], options.proxy_command)
    with stand(options.seconds, 1, options.backend_port) as ready:
        tables = profile.run(ready, proxies[-1], _load(options.scenario), options.top)
    _show(tables, options, None, report.PROFILE)
    return 0


def install(_: argparse.Namespace) -> int:
    """Install the peers and leave."""
    peers.install(["wrk", "h2load", "nginx", "haproxy", "envoy", "caddy"])
    return 0


def _without_outdated(proxies: Sequence[Proxy], *, build: bool) -> list[Proxy]:
    """Leave the compiled gateway out where it is not of these sources and cannot be built."""
    if not any(one.checkout == compiled.BUILT for one in gateways(proxies)):
        return list(proxies)
    if build:
        compiled.build()
    why = compiled.outdated()
    if not why:
        return list(proxies)
    warn(f"the compiled gateway is left out: {why}; {compiled.HOW}")
    return [proxy for proxy in proxies if not (isinstance(proxy, Gateway) and proxy.checkout == compiled.BUILT)]


def _show(
    tables: Sequence[Table],
    options: argparse.Namespace,
    subject: str | None,
    section: str = report.FIGURES,
) -> None:
    for table in tables:
        print(report.text(table, sys.stdout, highlight=subject))
    if options.markdown:
        report.write_markdown(options.markdown, report.markdown(tables, report.machine()), section)


def _load(name: str) -> Load:
    scenario = scenario_registry.choose([name])[0]
    if isinstance(scenario, Chain | ChainTLS):
        return scenario.load
    if isinstance(scenario, Load):
        return scenario
    raise ValueError(
        f"{name} is not a load; take plain, chain, tls, h2, new-heads, handshakes-ecdsa, download or upload"
    )


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _leave(number: int, _: FrameType | None) -> None:
    sys.exit(128 + number)  # through the exit handlers, which end what was started


def _environment(name: str, default: str) -> str:
    return os.environ.get(f"BENCH_{name}") or default


def _at_least_one(text: str) -> int:
    """Read a count: of none there would be a table without lines, which looks like a run that went well."""
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"expected a whole number from 1, found {text!r}")
    return int(text)


def _above_zero(text: str) -> float:
    """Read how many seconds something takes."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < math.inf:
        raise argparse.ArgumentTypeError(f"expected a number of seconds above 0, found {text!r}")
    return seconds


def _common(rounds: str) -> argparse.ArgumentParser:
    """Return the options of all that measure with sockets; made anew for each command, since defaults belong to it."""
    common = argparse.ArgumentParser(add_help=False)
    add = common.add_argument
    add("--seconds", type=_above_zero, default=_environment("SECONDS", "4"), help="length of one measurement (4)")
    add(
        "--rounds",
        type=_at_least_one,
        default=_environment("ROUNDS", rounds),
        help=f"measurements of each proxy ({rounds})",
    )
    add("--backend-port", type=int, default=_environment("BACKEND_PORT", str(BACKEND_PORT)))
    add("--markdown", type=Path, metavar="FILE", default=_environment("MARKDOWN", "") or None, help="write the tables")
    add("--no-install", dest="install", action="store_false", help="do not install what is missing")
    return common


def _parser() -> argparse.ArgumentParser:
    which = argparse.ArgumentParser(add_help=False)
    add = which.add_argument
    add("--command", dest="proxy_command", action="append", default=[], metavar="NAME=COMMAND")

    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    commands = parser.add_subparsers()

    comparison = commands.add_parser("run", parents=[_common("3"), which], help="compare the proxies (the default)")
    add = comparison.add_argument
    add("--scenarios", default=_environment("SCENARIOS", ""), help=", ".join(scenario_registry.known()))
    add("--proxies", default=_environment("PROXIES", ""), help=", ".join(proxy_registry.known()))
    add(
        "--subject",
        default=_environment("SUBJECT", ""),
        help="the proxy that the targets are about (the compiled gateway, else the interpreted)",
    )
    add("--json", type=Path, metavar="FILE", default=_environment("JSON", "") or None, help="write every round")
    add("--section", default="", metavar="NAME", help="of the file for Markdown: what is between its markers (figures)")
    add("--pin", action="store_true", help="a core for the proxy alone, the others for load and backend")
    comparison.set_defaults(command=bench)

    revisions = commands.add_parser("ab", parents=[_common("8")], help="compare two revisions of the gateway")
    revisions.add_argument("--base", required=True, metavar="GITREV")
    revisions.add_argument("--scenario", default="plain")
    revisions.set_defaults(command=compare)

    memory = commands.add_parser("micro", help="measure what lies between recv and send, without sockets")
    add = memory.add_argument
    add("--scenarios", default=_environment("SCENARIOS", ""), help=", ".join(exchanges.EXCHANGES))
    add("--against", metavar="REVISION", default="", help="measure a revision in turns with the working tree")
    add("--rounds", type=_at_least_one, default=_environment("ROUNDS", "5"), help="of which the median counts (5)")
    add("--instructions", action="store_true", help="count instructions too (perf, else valgrind: minutes)")
    memory.set_defaults(command=micro)

    profiling = commands.add_parser("profile", parents=[_common("3"), which], help="show where the time goes")
    profiling.add_argument("--proxies", default="gateway", metavar="NAME")
    profiling.add_argument("--scenario", default="plain")
    profiling.add_argument("--top", type=_at_least_one, default=25, help="lines of each table")
    profiling.set_defaults(command=profiled)

    commands.add_parser("install", help="install the peers").set_defaults(command=install)
    return parser


def _with_default_command(arguments: Sequence[str]) -> list[str]:
    first = arguments[0] if arguments else ""
    return (
        list(arguments)
        if first in ("run", "ab", "micro", "profile", "install", "-h", "--help")
        else ["run", *arguments]
    )


if __name__ == "__main__":
    sys.exit(main())
