"""A first look through a whole log: how much there is, over which time, and who called.

Tests: `tests/recorded/test_survey.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from gateway.recorded.log import RecordedLog, Skipped

MOST_USERS = 20_000
"""Names that are kept."""


@dataclass
class Survey:
    """What there is.

    Attributes:
        form: How the log is written.
        requests: How many.
        skipped: Lines that hold none.
        examples: The first of these.
        first: Unix seconds when the first began.
        last: When the last began.
        users: Who called, as the log has them.
        more_users: Whether there were more than are kept.
        silent: What no line says, of `host`, `client`, `user`, `duration` and `upstream`.
    """

    form: str = ""
    requests: int = 0
    skipped: int = 0
    examples: list[Skipped] = field(default_factory=list)
    first: float = 0.0
    last: float = 0.0
    users: dict[str, None] = field(default_factory=dict)
    more_users: bool = False
    silent: list[str] = field(default_factory=list)


def survey(log: RecordedLog) -> Survey:
    """Look through a log.

    Raises:
        gateway.recorded.log.NotALog: It is none.
    """
    found = Survey()
    said: set[str] = set()
    first, last = float("inf"), float("-inf")
    for request in log:
        found.requests += 1
        first, last = min(first, request.began), max(last, request.began)
        if request.user is not None and request.user not in found.users:
            if len(found.users) < MOST_USERS:
                found.users[request.user] = None
            else:
                found.more_users = True
        if len(said) < len(_TOLD):
            said.update(name for name in _TOLD if name not in said and _TOLD[name](request))
    if found.requests:
        found.first, found.last = first, last
    found.form = "" if log.form is None else log.form.name
    found.skipped, found.examples = log.skipped, log.examples
    found.silent = [name for name in _TOLD if name not in said]
    return found


_TOLD = {
    "host": lambda request: bool(request.host),
    "client": lambda request: bool(request.client),
    "user": lambda request: request.user is not None,
    "duration": lambda request: request.seconds is not None,
    "upstream": lambda request: request.upstream is not None or request.backend is not None,
}
