"""`/config` and what is below it: the configuration in force, read, checked, planned and changed.

Reading needs no token; validate, plan and every write do (`gateway.admin.guard`). What may be said with a path is in
`/openapi.json` (`gateway.admin.openapi`). Each write leaves one record in the log, whether it was done or refused.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple, Protocol
from urllib.parse import unquote_to_bytes

import orjson
from twisted.internet.defer import Deferred, ensureDeferred, maybeDeferred
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.server import Request

from gateway.admin.guard import Guard, caller
from gateway.admin.resources import Leaf
from gateway.admin.writes import Write
from gateway.config import Settings, editing, overlays
from gateway.config.differences import Difference
from gateway.config.editing import LIMITS, SECTIONS, Edit
from gateway.config.masking import hidden, mask
from gateway.config.nodes import to_data
from gateway.config.overlays import Overlay
from gateway.config.problems import Problem
from gateway.config.schema.base import OWN
from gateway.config.sources import MAX_BYTES, Source, decoded
from gateway.config.summary import described
from gateway.config.texts import without_credentials
from gateway.errors import (
    ConfigurationChanged,
    ConfigurationRefused,
    GatewayError,
    MalformedRequest,
    MethodNotAllowed,
    RouteNotFound,
)

_log = Logger(namespace="gateway.audit")

_READS = (b"GET", b"HEAD")
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

    def versions(self) -> list[Past]:
        """Return the versions that are kept, that in force first."""

    async def shown(self) -> bytes:
        """Return what is in force, as JSON, secrets masked."""

    def check(self, body: Source) -> Deferred[Sequence[Problem]]:
        """Return what is doubtful about a whole configuration."""

    def plan(self, edit: Edit, expected: str | None) -> Deferred[Planned]:
        """Say what a change would do; `expected` is the version that has to be in force, None for any."""

    def change(self, edit: Edit, who: str, expected: str | None) -> Deferred[Planned]:
        """Put a change into force."""

    def roll_back(self, version: str, who: str, expected: str | None) -> Deferred[Planned]:
        """Put an earlier version into force."""


class _Ours(Write):
    """A leaf about the configuration: its reads are for everybody."""

    def __init__(self, guard: Guard, configuration: Configuration) -> None:
        super().__init__(guard)
        self.configuration = configuration

    def most(self, request: Request) -> int:
        """Take as much as a file may have from who has the token."""
        return MAX_BYTES if self._guard.admits(request) else super().most(request)

    def answer(self, request: Request) -> bytes | Deferred[bytes]:
        """Read, for everybody, or write, for who may."""
        if request.method not in _READS:
            return super().answer(request)
        request.setHeader(b"Content-Type", b"application/json")
        request.setHeader(b"ETag", _tag(self.configuration.version))
        return self.text(request)

    def text(self, request: Request) -> bytes | Deferred[bytes]:
        """Return what is read, as JSON."""
        return as_json(self.read(request))

    def read(self, request: Request) -> Any:
        """Return what JSON can say."""
        raise NotImplementedError


class _Changing(_Ours):
    """A leaf whose writes change the configuration: each leaves a record."""

    def make(self, request: Request, who: str, expected: str | None) -> Deferred[Planned]:
        """Make the change; `expected` is the version that has to be in force, None for any."""
        raise NotImplementedError

    def change(self, request: Request) -> Deferred[tuple[int, Any]]:
        """Make the change, leave the record, and say what was done."""
        who = f"admin:{caller(request)}"
        what = f"{request.method.decode('latin-1')} {request.path.decode('latin-1')}"

        def start() -> Deferred[Planned]:
            return self.make(request, who, _expected(request, self.configuration.version))

        def made(planned: Planned) -> tuple[int, Any]:
            _log.info(
                "Operator {who}: {what}: version {before} became {after}, changes {changed}",
                who=who,
                what=what,
                before=planned.before,
                after=planned.version,
                changed=described(planned.changes),
                outcome="done",
            )
            request.setHeader(b"ETag", _tag(planned.version))
            return self.status(planned), self._made(planned)

        def refused(failure: Failure) -> Failure:
            version = self.configuration.version
            reason = failure.value.reason if isinstance(failure.value, GatewayError) else "internal"
            _log.warn(
                "Operator {who}: {what}: refused ({reason}), version {before} stays",
                who=who,
                what=what,
                before=version,
                after=version,
                reason=reason,
                outcome="refused",
            )
            return failure

        return maybeDeferred(start).addCallbacks(made, refused)

    def status(self, planned: Planned) -> int:
        """Return the status of the answer."""
        return 200

    def _made(self, planned: Planned) -> dict[str, Any]:
        durable = self.configuration.durable
        found = {"version": planned.version, "before": planned.before, "changes": _changes(planned.changes)}
        return found | {"durable": durable} | ({} if durable else {"detail": _FOR_A_WHILE})


class Whole(_Changing):
    """`/config`: all of it."""

    methods = ("GET", "HEAD", "PUT")
    words = "the configuration in force, secrets masked; PUT replaces it (needs admin.token)"

    def text(self, request: Request) -> bytes | Deferred[bytes]:
        """Return the effective configuration."""
        return ensureDeferred(self.configuration.shown())

    def make(self, request: Request, who: str, expected: str | None) -> Deferred[Planned]:
        """Put another one in the place of the files."""
        return self.configuration.change(Edit("replace", body=_body(request)), who, expected)


class Validate(_Ours):
    """`POST /config/validate`."""

    methods = ("POST",)
    words = "check a configuration, and change nothing (needs admin.token)"

    def change(self, request: Request) -> Deferred[tuple[int, Any]]:
        """Check it."""

        def say(doubts: Sequence[Problem]) -> tuple[int, Any]:
            return 200, {"valid": True, "warnings": [as_data(doubt) for doubt in doubts]}

        return self.configuration.check(_body(request)).addCallback(say)


class PlanChange(_Ours):
    """`POST /config/plan`."""

    methods = ("POST",)
    words = "tell what PUT /config would change, and change nothing (needs admin.token)"

    def change(self, request: Request) -> Deferred[tuple[int, Any]]:
        """Plan it."""
        edit = Edit("replace", body=_body(request))
        planned = self.configuration.plan(edit, _expected(request, self.configuration.version))

        def say(plan: Planned) -> tuple[int, Any]:
            request.setHeader(b"ETag", _tag(plan.before))
            return 200, {
                "version": plan.before,
                "changes": _changes(plan.changes),
                "summary": described(plan.changes),
            }

        return planned.addCallback(say)


class Object(_Changing):
    """`/config/SECTION/NAME`: one object of a list."""

    methods = ("GET", "HEAD", "PUT", "DELETE")

    def __init__(self, guard: Guard, configuration: Configuration, section: str) -> None:
        super().__init__(guard, configuration)
        self.words = f"one of the {section}: read, PUT and DELETE (these need admin.token); without a name: all names"
        self._section = section
        self._prefix = f"/config/{section}/".encode()

    def check(self, request: Request) -> None:
        """Refuse to write where there is no name."""
        if request.method not in _READS and not self._name(request):
            raise MethodNotAllowed(("GET", "HEAD"))
        super().check(request)

    def read(self, request: Request) -> Any:
        """Return it as it is in force; without a name, the names that there are."""
        name = self._name(request)
        settings = self.configuration.settings
        if not name:
            return {self._section: editing.names(settings, self._section)}
        found = editing.shown(settings, self._section, name)
        if found is None:
            raise RouteNotFound(f"There is no {json.dumps(name)} among the {self._section}.")
        return found

    def make(self, request: Request, who: str, expected: str | None) -> Deferred[Planned]:
        """Put it, or delete it."""
        name = self._name(request)
        put = request.method == b"PUT"
        edit = Edit("put" if put else "delete", self._section, name, _body(request) if put else None)
        return self.configuration.change(edit, who, expected)

    def status(self, planned: Planned) -> int:
        """Return 201 where there was no such object."""
        return 201 if any(one.section == self._section and one.kind == "added" for one in planned.changes) else 200

    def _name(self, request: Request) -> str:
        try:
            return unquote_to_bytes(request.path[len(self._prefix) :]).decode()
        except UnicodeDecodeError:
            raise RouteNotFound("The name in the address is not UTF-8.") from None


class Overlaid(_Changing):
    """`/config/overlay`: what was changed over the files."""

    methods = ("GET", "HEAD", "DELETE")
    words = "what was changed over the files; DELETE takes it away (needs admin.token)"

    def read(self, request: Request) -> Any:
        """Return it, secrets masked."""
        return {"durable": self.configuration.durable, "overlay": shown_overlay(self.configuration.overlay)}

    def make(self, request: Request, who: str, expected: str | None) -> Deferred[Planned]:
        """Go back to the files."""
        return self.configuration.change(Edit("drop"), who, expected)


class PastVersions(_Ours):
    """`GET /config/versions`."""

    methods = ("GET", "HEAD")
    words = "the versions that can be gone back to"

    def read(self, request: Request) -> Any:
        """List them, that in force first."""
        return {
            "versions": [
                {
                    "version": past.version,
                    "at": datetime.fromtimestamp(past.at, UTC).isoformat(timespec="seconds"),
                    "who": past.who,
                    "changes": _changes(past.changes),
                }
                for past in self.configuration.versions()
            ]
        }


class Rollback(_Changing):
    """`POST /config/rollback`."""

    methods = ("POST",)
    words = 'go back to a version: {"version": …} (needs admin.token)'

    def make(self, request: Request, who: str, expected: str | None) -> Deferred[Planned]:
        """Go back."""
        try:
            said = json.loads(_content(request))
        except (ValueError, RecursionError):
            said = None
        if not isinstance(said, dict) or said.keys() != {"version"} or not isinstance(said["version"], str):
            raise MalformedRequest('Expected {"version": "…"}, a text of `GET /config/versions`.')
        return self.configuration.roll_back(said["version"], who, expected)


class OpenAPI(Leaf):
    """What this port answers, in a document."""

    words = "what this port answers, for programs (OpenAPI)"

    def answer(self, request: Request) -> bytes:
        """Return it."""
        from gateway.admin.openapi import document  # large, and seldom asked for

        request.setHeader(b"Content-Type", b"application/json")
        return json.dumps(document()).encode()


def configuration_leaves(guard: Guard, configuration: Configuration) -> dict[str, Leaf]:
    """Return the leaves by path; one whose path ends in a slash is for all that is below it."""
    return {
        "openapi.json": OpenAPI(),
        "config": Whole(guard, configuration),
        "config/validate": Validate(guard, configuration),
        "config/plan": PlanChange(guard, configuration),
        "config/overlay": Overlaid(guard, configuration),
        "config/versions": PastVersions(guard, configuration),
        "config/rollback": Rollback(guard, configuration),
        **{f"config/{section}/": Object(guard, configuration, section) for section in SECTIONS},
    }


def shown_overlay(overlay: Overlay) -> Any:
    """Return what an overlay says, secrets masked."""
    data: Any = to_data(overlay.root())
    mask(data.get("replace", {}), Settings)
    mask({key: data[key] for key in (*overlays.NAMED, LIMITS) if key in data}, Settings)
    return _without_credentials(data)


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


def _without_credentials(value: Any) -> Any:
    if isinstance(value, str):
        return without_credentials(value)
    if isinstance(value, dict):
        # What is under the user's own keys may be a secret that is merged in elsewhere.
        return {key: hidden(item) if key.startswith(OWN) else _without_credentials(item) for key, item in value.items()}
    return [_without_credentials(item) for item in value] if isinstance(value, list) else value


def _changes(changes: Sequence[Difference]) -> list[dict[str, str]]:
    return [change._asdict() for change in changes]


def _tag(version: str) -> bytes:
    return b'"%s"' % version.encode()


def _expected(request: Request, version: str) -> str | None:
    """Return the version that has to be in force (RFC 9110 section 13.1.1); None for any.

    Raises:
        ConfigurationChanged: It cannot be any of those that the client knows.
    """
    fields = request.requestHeaders.getRawHeaders(b"if-match")
    if fields is None:
        return None
    tags = [tag.strip() for field in fields for tag in field.decode("latin-1").split(",")]
    if "*" in tags:
        return None
    if f'"{version}"' not in tags:
        raise ConfigurationChanged(f"The configuration in force is version {version}.")
    return version


def _content(request: Request) -> bytes:
    return b"" if request.content is None else request.content.read()


def _body(request: Request) -> Source:
    """Return what was sent: as JSON where it says so, else as YAML, of which JSON is a part."""
    json_said = b"json" in (request.getHeader(b"content-type") or b"").lower()
    file = "body.json" if json_said else "body.yaml"
    problems: list[Problem] = []
    text = decoded(_content(request), file, problems)
    if text is None:
        raise refusal(problems)
    return Source(file, text)
