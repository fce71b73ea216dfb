"""What the command line of `gateway simulate` says, read into a scene and the calls that are made in it.

Tests: `tests/commands/simulate/test_command.py::test_a_log_is_played`.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, TypeVar

import click

from gateway.commands.claims import claims_of
from gateway.commands.curl.request import NotUnderstood, read
from gateway.config import Settings
from gateway.config.problems import Unexpected
from gateway.config.schema.cases import CaseRequest
from gateway.config.units import format_duration, parse_timeout
from gateway.simulation.faults import Fault, check, parse_fault
from gateway.simulation.logged import Logged, NotALog, logged
from gateway.simulation.mix import Call, draw, made_up, one_of_each_route, weighted
from gateway.simulation.playing import Scene
from gateway.simulation.service import Service, parse_service
from gateway.simulation.traffic import arrivals, is_rate, parse_load

T = TypeVar("T")

DEFAULT_LOAD = "20/s"
DEFAULT_LENGTH = "10m"


class Said(NamedTuple):
    """The options, as they were written."""

    loads: Sequence[str]
    length: str | None
    faults: Sequence[str]
    services: Sequence[str]
    requests: Sequence[str]
    callers: int
    claims: str | None
    seed: int


class Wanted(NamedTuple):
    """What is to be played.

    Attributes:
        scene: It.
        calls: What is asked when.
        load: What the traffic is, for people.
        notes: What they should know of it besides.
    """

    scene: Scene
    calls: Iterable[tuple[float, Call]]
    load: str
    notes: Sequence[str]


def read_option(option: str, said: str, parse: Callable[[str], T]) -> T:
    """Read the value of an option.

    Raises:
        click.BadParameter: It is something else than what `parse` takes.
    """
    try:
        return parse(said)
    except Unexpected as error:
        raise click.BadParameter(f"expected {error.expected}, found {said!r}", param_hint=f"'{option}'") from None
    except (NotUnderstood, ValueError) as error:
        raise click.BadParameter(str(error), param_hint=f"'{option}'") from None


def wanted(said: Said, settings: Settings) -> Wanted:
    """Read what is to be played.

    Args:
        said: On the command line.
        settings: The configuration.

    Raises:
        click.ClickException: Something cannot be understood, or the configuration has nothing of the kind.
    """
    claims = {} if said.claims is None else read_option("--as", said.claims, claims_of)
    length = None if said.length is None else read_option("--for", said.length, parse_timeout)
    faults = [read_option("--fault", one, parse_fault) for one in said.faults]
    services = [read_option("--service", one, parse_service) for one in said.services]
    try:
        check(faults, settings)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="'--fault'") from None
    _known(services, settings)
    files = [one for one in said.loads if not is_rate(one)]
    if files:
        return _from_log(files, said, settings, claims, length, services, faults)
    seconds = read_option("--for", DEFAULT_LENGTH, parse_timeout) if length is None else length
    _in_time(faults, seconds)
    loads = [read_option("--load", one, parse_load) for one in said.loads or (DEFAULT_LOAD,)]
    requests, notes = _requests(said.requests, settings)
    scene = Scene(
        settings,
        seconds,
        said.seed,
        [request for request, _ in requests],
        made_up(said.callers, claims),
        services,
        faults,
    )
    moments = arrivals(loads, seconds, said.seed)
    calls = draw(moments, [weight for _, weight in requests], said.callers, said.seed)
    return Wanted(scene, calls, " and ".join(said.loads or (DEFAULT_LOAD,)), [*notes, *_in_memory(settings)])


def _from_log(
    files: Sequence[str],
    said: Said,
    settings: Settings,
    claims: dict[str, Any],
    length: float | None,
    services: Sequence[tuple[str, Service]],
    faults: Sequence[Fault],
) -> Wanted:
    """Take the requests of a log, at the times that it says."""
    if len(said.loads) > 1:
        raise click.BadParameter("a log is all the load there is: say nothing beside it", param_hint="'--load'")
    if said.requests:
        raise click.BadParameter("a log says what is asked: leave it out", param_hint="'--request'")
    try:
        found: Logged = logged(files[0], settings, claims, length)
    except (NotALog, OSError) as error:
        words = f"{files[0]}: {error.strerror}" if isinstance(error, OSError) else str(error)
        raise click.BadParameter(words, param_hint="'--load'") from None
    _in_time(faults, found.seconds)
    scene = Scene(settings, found.seconds, said.seed, found.requests, found.callers, services, faults)
    return Wanted(scene, found.calls, files[0], [*found.notes, *_in_memory(settings)])


def _in_memory(settings: Settings) -> list[str]:
    """Return notes about what is in Redis in production, and not here: no fault of Redis reaches it."""
    keys = None if settings.auth is None else settings.auth.api_keys
    stores = {"caches": settings.cache_store, "API keys": "memory" if keys is None else keys.store}
    return [f"{what} are in memory here, not in Redis" for what, store in stores.items() if store == "redis"]


def _requests(said: Sequence[str], settings: Settings) -> tuple[list[tuple[CaseRequest, int]], list[str]]:
    """Return requests with their weights, and the notes about them."""
    if said:
        written = [weighted(one) for one in said]
        parse: Callable[[str], CaseRequest] = lambda one: read(shlex.split(one))  # noqa: E731  # typed
        return [(read_option("--request", one, parse), weight) for one, weight in written], []
    found, without = one_of_each_route(settings)
    if not found:
        raise click.UsageError("There is no route of which it can be told what to ask: say it with --request.")
    return found, [f"nothing is asked of the route {name}: say it with --request" for name in without]


def _known(services: Sequence[tuple[str, Service]], settings: Settings) -> None:
    names = [one.name for one in settings.upstreams]
    for name, _ in services:
        if name and name not in names:
            raise click.BadParameter(
                f"expected the name of an upstream ({', '.join(names) or 'there is none'}), found {name!r}",
                param_hint="'--service'",
            )


def _in_time(faults: Sequence[Fault], seconds: float) -> None:
    for fault in faults:
        if fault.span.start >= seconds:
            begins, ends = format_duration(fault.span.start), format_duration(round(seconds, 3))
            raise click.BadParameter(f"{fault} from {begins} on: by then all is over ({ends})", param_hint="'--fault'")
