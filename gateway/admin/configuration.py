"""`/config` and what is below it: the configuration in force, read, checked, planned and changed.

Reading needs no token; validate, plan and every write do (`gateway.admin.guard`). What may be said with a path is in
`/openapi.json` (`gateway.admin.openapi`). Each write leaves one record in the log, whether it was done or refused.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote_to_bytes

from twisted.internet.defer import Deferred, ensureDeferred
from twisted.web.server import Request

from gateway.admin.changing import (
    READS,
    Changing,
    Configuration,
    Ours,
    Planned,
    as_data,
    changes_as_data,
    content,
    expected_version,
    only_new,
    sent,
    tag,
)
from gateway.admin.guard import Guard
from gateway.admin.origins import Origins
from gateway.admin.resources import Leaf
from gateway.config import Settings, editing, overlays
from gateway.config.editing import LIMITS, SECTIONS, Edit
from gateway.config.masking import hidden, mask
from gateway.config.nodes import to_data
from gateway.config.overlays import Overlay
from gateway.config.problems import Problem
from gateway.config.schema.base import OWN
from gateway.config.summary import described
from gateway.config.texts import without_credentials
from gateway.errors import MalformedRequest, MethodNotAllowed, RouteNotFound


class Whole(Changing):
    """`/config`: all of it."""

    methods = ("GET", "HEAD", "PUT")
    words = "the configuration in force, secrets masked; PUT replaces it (needs admin.token)"

    def text(self, request: Request) -> bytes | Deferred[bytes]:
        """Return the effective configuration."""
        return ensureDeferred(self.configuration.shown())

    def make(self, request: Request, who: str, expected: str | None) -> Deferred[Planned]:
        """Put another one in the place of the files."""
        return self.configuration.change(Edit("replace", body=sent(request)), who, expected)


class Validate(Ours):
    """`POST /config/validate`."""

    methods = ("POST",)
    words = "check a configuration, and change nothing (needs admin.token)"

    def change(self, request: Request) -> Deferred[tuple[int, Any]]:
        """Check it."""

        def say(doubts: Sequence[Problem]) -> tuple[int, Any]:
            return 200, {"valid": True, "warnings": [as_data(doubt) for doubt in doubts]}

        return self.configuration.check(sent(request)).addCallback(say)


class PlanChange(Ours):
    """`POST /config/plan`."""

    methods = ("POST",)
    words = "tell what PUT /config would change, and change nothing (needs admin.token)"

    def change(self, request: Request) -> Deferred[tuple[int, Any]]:
        """Plan it."""
        edit = Edit("replace", body=sent(request))
        planned = self.configuration.plan(edit, expected_version(request, self.configuration.version))

        def say(plan: Planned) -> tuple[int, Any]:
            request.setHeader(b"ETag", tag(plan.before))
            return 200, {
                "version": plan.before,
                "changes": changes_as_data(plan.changes),
                "summary": described(plan.changes),
            }

        return planned.addCallback(say)


class Object(Changing):
    """`/config/SECTION/NAME`: one object of a list."""

    methods = ("GET", "HEAD", "PUT", "DELETE")
    creates = frozenset([b"PUT"])

    def __init__(self, guard: Guard, configuration: Configuration, section: str) -> None:
        super().__init__(guard, configuration)
        self.words = f"one of the {section}: read, PUT and DELETE (these need admin.token); without a name: all names"
        self._section = section
        self._prefix = f"/config/{section}/".encode()

    def check(self, request: Request) -> None:
        """Refuse to write where there is no name."""
        if request.method not in READS and not self._name(request):
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
        new = put and only_new(request)
        edit = Edit("put" if put else "delete", self._section, name, sent(request) if put else None, new)
        return self.configuration.change(edit, who, expected)

    def status(self, planned: Planned) -> int:
        """Return 201 where there was no such object."""
        return 201 if any(one.section == self._section and one.kind == "added" for one in planned.changes) else 200

    def _name(self, request: Request) -> str:
        try:
            return unquote_to_bytes(request.path[len(self._prefix) :]).decode()
        except UnicodeDecodeError:
            raise RouteNotFound("The name in the address is not UTF-8.") from None


class Overlaid(Changing):
    """`/config/overlay`: what was changed over the files."""

    methods = ("GET", "HEAD", "DELETE")
    words = "what was changed over the files; DELETE takes it away (needs admin.token)"

    def read(self, request: Request) -> Any:
        """Return it, secrets masked."""
        return {"durable": self.configuration.durable, "overlay": shown_overlay(self.configuration.overlay)}

    def make(self, request: Request, who: str, expected: str | None) -> Deferred[Planned]:
        """Go back to the files."""
        return self.configuration.change(Edit("drop"), who, expected)


class PastVersions(Ours):
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
                    "changes": changes_as_data(past.changes),
                }
                for past in self.configuration.versions()
            ]
        }


class Rollback(Changing):
    """`POST /config/rollback`."""

    methods = ("POST",)
    words = 'go back to a version: {"version": …} (needs admin.token)'

    def make(self, request: Request, who: str, expected: str | None) -> Deferred[Planned]:
        """Go back."""
        try:
            said = json.loads(content(request))
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
        "live/config": Origins(guard, configuration),
        **{f"config/{section}/": Object(guard, configuration, section) for section in SECTIONS},
    }


def shown_overlay(overlay: Overlay) -> Any:
    """Return what an overlay says, secrets masked."""
    data: Any = to_data(overlay.root())
    mask(data.get("replace", {}), Settings)
    mask({key: data[key] for key in (*overlays.NAMED, LIMITS) if key in data}, Settings)
    return _without_credentials(data)


def _without_credentials(value: Any) -> Any:
    if isinstance(value, str):
        return without_credentials(value)
    if isinstance(value, dict):
        # What is under the user's own keys may be a secret that is merged in elsewhere.
        return {key: hidden(item) if key.startswith(OWN) else _without_credentials(item) for key, item in value.items()}
    return [_without_credentials(item) for item in value] if isinstance(value, list) else value
