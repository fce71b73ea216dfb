"""What leaves about the configuration have in common: who may read and write, what a change says and records.

Tests: `tests/admin/test_configuration.py::test_a_route_is_put_and_deleted`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import orjson
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.server import Request

from gateway.admin.guard import Guard, caller
from gateway.admin.writes import Write, what
from gateway.config import Settings
from gateway.config.differences import Difference
from gateway.config.editing import Edit
from gateway.config.overlays import Overlay
from gateway.config.problems import Problem
from gateway.config.sources import MAX_BYTES, Source, decoded
from gateway.config.summary import described
from gateway.errors import ConfigurationChanged, ConfigurationRefused, GatewayError

_log = Logger(namespace="gateway.audit")

READS = (b"GET", b"HEAD")
_FOR_A_WHILE = "It lasts as long as the process: the configuration has no `admin.overlay`."


class Planned(NamedTuple):
    """What a change does, or would do.

    Attributes:
        before: The version that it changes.
        version: The version that it has made; that it would change, where nothing was made.
        changes: What is other.
    """

    before: str
    version: str
    changes: Sequence[Difference]


class Past(NamedTuple):
    """A version that is kept.

    Attributes:
        version: Its name.
        at: Unix seconds when it came into force.
        who: Who put it there.
        changes: What it has other than the one before it.
    """

    version: str
    at: float
    who: str
    changes: Sequence[Difference]


class Configuration(Protocol):
    """What is asked of who changes the configuration; fails with a `GatewayError` that says what is wrong."""

    @property
    def version(self) -> str:
        """The name of the version in force."""

    @property
    def settings(self) -> Settings:
        """What is in force."""

    @property
    def overlay(self) -> Overlay:
        """What is over the files."""

    @property
    def durable(self) -> bool:
        """Whether a restart finds the overlay."""

    @property
    def doubt(self) -> str:
        """Why a restart may not find the overlay, where it has a file."""

    def versions(self) -> list[Past]:
        """Return the versions that are kept, that in force first."""

    async def shown(self) -> bytes:
        """Return what is in force, as JSON, secrets masked."""

    async def origins(self, search: str, start: int, end: int, written: bool) -> dict[str, Any]:
        """Return some of the values in force, each with its place."""

    def check(self, body: Source) -> Deferred[Sequence[Problem]]:
        """Return what is doubtful about a whole configuration."""

    def plan(self, edit: Edit, expected: str | None) -> Deferred[Planned]:
        """Say what a change would do; `expected` is the version that has to be in force, None for any."""

    def change(self, edit: Edit, who: str, expected: str | None) -> Deferred[Planned]:
        """Put a change into force."""

    def roll_back(self, version: str, who: str, expected: str | None) -> Deferred[Planned]:
        """Put an earlier version into force."""


class Ours(Write):
    """A leaf about the configuration: its reads are for everybody."""

    def __init__(self, guard: Guard, configuration: Configuration) -> None:
        super().__init__(guard)
        self.configuration = configuration

    def most(self, request: Request) -> int:
        """Take as much as a file may have from who has the token."""
        return MAX_BYTES if self._guard.admits(request) else super().most(request)

    def answer(self, request: Request) -> bytes | Deferred[bytes]:
        """Read, for everybody, or write, for who may."""
        if request.method not in READS:
            return super().answer(request)
        request.setHeader(b"Content-Type", b"application/json")
        request.setHeader(b"ETag", tag(self.configuration.version))
        return self.text(request)

    def text(self, request: Request) -> bytes | Deferred[bytes]:
        """Return what is read, as JSON."""
        return as_json(self.read(request))

    def read(self, request: Request) -> Any:
        """Return what JSON can say."""
        raise NotImplementedError


class Changing(Ours):
    """A leaf whose writes change the configuration: each leaves a record.

    Attributes:
        creates: Methods that may make what is not there yet.
    """

    creates: frozenset[bytes] = frozenset()

    def make(self, request: Request, who: str, expected: str | None) -> Deferred[Planned]:
        """Make the change; `expected` is the version that has to be in force, None for any."""
        raise NotImplementedError

    def change(self, request: Request) -> Deferred[tuple[int, Any]]:
        """Make the change, leave the record, and say what was done."""
        who = f"admin:{caller(request)}"
        asked = what(request)

        def start() -> Deferred[Planned]:
            if only_new(request) and request.method not in self.creates:
                raise ConfigurationChanged("What is to be changed is there, and `If-None-Match: *` is for what is not.")
            return self.make(request, who, expected_version(request, self.configuration.version))

        def made(planned: Planned) -> tuple[int, Any]:
            _log.info(
                "Operator {who}: {what}: version {before} became {after}, changes {changed}",
                who=who,
                what=asked,
                before=planned.before,
                after=planned.version,
                changed=described(planned.changes),
                outcome="done",
                event="admin.changed",
            )
            request.setHeader(b"ETag", tag(planned.version))
            return self.status(planned), self._made(planned)

        def refused(failure: Failure) -> Failure:
            version = self.configuration.version
            reason = failure.value.reason if isinstance(failure.value, GatewayError) else "internal"
            _log.warn(
                "Operator {who}: {what}: refused ({reason}), version {before} stays",
                who=who,
                what=asked,
                before=version,
                after=version,
                reason=reason,
                outcome="refused",
                event="admin.refused",
            )
            return failure

        return maybeDeferred(start).addCallbacks(made, refused)

    def status(self, planned: Planned) -> int:
        """Return the status of the answer."""
        return 200

    def _made(self, planned: Planned) -> dict[str, Any]:
        durable = self.configuration.durable
        found = {"version": planned.version, "before": planned.before, "changes": changes_as_data(planned.changes)}
        doubt = self.configuration.doubt
        detail = f"It is in force and written, and may be lost with the power: {doubt}." if doubt else _FOR_A_WHILE
        return found | {"durable": durable} | ({} if durable else {"detail": detail})


def as_data(problem: Problem) -> dict[str, object]:
    """Return a problem for an answer; one that stands nowhere has no place."""
    place = {"file": problem.file, "line": problem.line, "column": problem.column} if problem.file else {}
    return {**place, "path": problem.path, "message": problem.message}


def refusal(problems: Sequence[Problem]) -> ConfigurationRefused:
    """Return the error that tells all that is wrong."""
    few = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
    error = ConfigurationRefused(f"Nothing was changed: {few}, see `problems`.")
    error.problems = tuple(map(as_data, problems))
    return error


def as_json(value: Any) -> bytes:
    """Return JSON for people to read; of thousands of routes it is made in milliseconds."""
    try:
        return orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    except TypeError:  # an integer of more than 64 bits, say, in what a plugin is configured with
        return json.dumps(value, indent=2).encode() + b"\n"


def changes_as_data(changes: Sequence[Difference]) -> list[dict[str, str]]:
    """Return differences for an answer."""
    return [change._asdict() for change in changes]


def tag(version: str) -> bytes:
    """Return a version as an entity tag."""
    return b'"%s"' % version.encode()


def expected_version(request: Request, version: str) -> str | None:
    """Return the version that has to be in force (RFC 9110 section 13.1.1); None for any.

    Raises:
        ConfigurationChanged: It cannot be any of those that the client knows, or is one that it must not be.
    """
    tags, others = _tags(request, b"if-match"), _tags(request, b"if-none-match")
    one_of_others = {f'"{version}"', f'W/"{version}"'} & set(others)  # compared weakly: RFC 9110 section 13.1.2
    if one_of_others or (tags and "*" not in tags and f'"{version}"' not in tags):
        raise ConfigurationChanged(f"The configuration in force is version {version}.")
    return version if tags and "*" not in tags else None


def only_new(request: Request) -> bool:
    """Whether a request is for what is not there yet (RFC 9110 section 13.1.2)."""
    return "*" in _tags(request, b"if-none-match")


def _tags(request: Request, name: bytes) -> list[str]:
    fields = request.requestHeaders.getRawHeaders(name) or []
    return [tag.strip() for field in fields for tag in field.decode("latin-1").split(",")]


def content(request: Request) -> bytes:
    """Return the content of a request."""
    return b"" if request.content is None else request.content.read()


def sent(request: Request) -> Source:
    """Return what was sent: as JSON where it says so, else as YAML, of which JSON is a part."""
    json_said = b"json" in (request.getHeader(b"content-type") or b"").lower()
    file = "body.json" if json_said else "body.yaml"
    problems: list[Problem] = []
    text = decoded(content(request), file, problems)
    if text is None:
        raise refusal(problems)
    return Source(file, text)
