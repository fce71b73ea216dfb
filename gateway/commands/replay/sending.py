"""What `gateway replay --target` does: requests of a log go to a server, while a reactor runs.

Tests: `tests/commands/replay/test_command.py::test_what_a_target_has_no_use_for_is_refused`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from gateway.commands.replay.log import Progress, end

if TYPE_CHECKING:
    from gateway.recorded.request import Recorded
    from gateway.recorded.survey import Survey
    from gateway.rehearsal.replaying.answered import Kind
    from gateway.rehearsal.replaying.paced import Pace
    from gateway.rehearsal.replaying.replay import Replayed


class Sending(NamedTuple):
    """Where requests go, and how.

    Attributes:
        target: URL of the server.
        expect: URL of the one whose answers are right; None for the log.
        headers: Fields that are sent with each, as `NAME: VALUE`.
        forwarded: Whether the addresses of clients are told.
        pace: At which rate.
    """

    target: str
    expect: str | None
    headers: tuple[str, ...]
    forwarded: bool
    pace: Pace


def send(
    open_log: Callable[[], Iterable[Recorded]], survey: Survey, sending: Sending, ignored: Collection[Kind]
) -> Replayed:
    """Send the requests of a log, or say why that cannot be done, and exit with 2.

    Args:
        open_log: Opens it.
        survey: Of the log.
        sending: Whereto, and how.
        ignored: Kinds of differences that are none.
    """
    from twisted.internet.defer import ensureDeferred
    from twisted.internet.task import react

    from gateway.recorded.log import NotALog
    from gateway.recorded.order import by_beginning
    from gateway.rehearsal.replaying.paced import send as sent
    from gateway.rehearsal.replaying.target import Target

    fields = [_field(said) for said in sending.headers]
    results: list[Replayed] = []
    failed: list[Exception] = []
    progress = Progress(survey.requests)

    async def main(reactor: Any) -> None:
        try:
            urls = [url for url in (sending.target, sending.expect) if url is not None]
            servers = [Target(reactor, url, fields, sending.forwarded, sending.pace.at_once) for url in urls]
            ask, expected = servers[0].ask, servers[1].ask if len(servers) > 1 else None
            requests = by_beginning(open_log())
            results.append(await sent(requests, ask, expected, reactor, sending.pace, ignored, progress))
            for server in servers:
                await server.close()
        except (NotALog, ValueError) as error:
            failed.append(error)

    with suppress(SystemExit):  # `react` says by it that it is done
        react(lambda reactor: ensureDeferred(main(reactor)))
    progress.end()
    if failed:
        end(str(failed[0]))
    if not results:
        raise KeyboardInterrupt  # the reactor was told to stop
    (found,) = results
    if found.requests and found.statuses.keys() == {0}:
        why = next(group.way.after for group in found.groups.values()) if found.groups else "no answer"
        end(f"{sending.target} answers nothing: {why}")
    return found


def _field(said: str) -> tuple[str, str]:
    name, colon, value = said.partition(":")
    if not colon or not name.strip() or not value.strip():
        end(f"--header: expected NAME: VALUE, found {said!r}")
    return name.strip(), value.strip()
