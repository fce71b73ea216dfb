"""What a gateway that runs says of one request: `gateway explain --live ADMIN`.

Its configuration is read from its admin port, so that a gateway in memory decides by the same; what that cannot know
(counts, kept answers, health, breakers) is asked for by `POST /live/explain`. Nothing is sent to a backend.

Tests: `tests/commands/explain/test_command.py::test_what_is_in_the_way_now_is_said_in_words`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import click

from gateway.commands.admin_port import AdminPort
from gateway.commands.wording import printable

if TYPE_CHECKING:
    from gateway.config.loading import Loaded
    from gateway.config.schema.cases import CaseRequest
    from gateway.rehearsal.decisions import Explanation

_ELSEWHERE: Final = "conditions of routes on fields or the query decide, which are masked at the admin port"
_MASKED: Final = "whether the credential is valid is not known, since secrets are masked at the admin port: say --as"


@dataclass
class Now:
    """What it says.

    Attributes:
        url: Of its admin port.
        version: Of the configuration in force.
        view: What a request would meet, as `POST /live/explain` has it.
        loaded: The configuration; None where it cannot be used here.
        doubt: Why not, or why what is decided by it may be wrong, in words.
    """

    url: str
    version: str
    view: Mapping[str, Any]
    loaded: Loaded | None
    doubt: str

    @property
    def document(self) -> dict[str, Any]:
        """The same as data, but for the configuration."""
        return {"version": self.version, "now": self.view, "doubt": self.doubt}


def ask(url: str, request: CaseRequest, claims: Mapping[str, Any] | None) -> Now:
    """Ask a gateway.

    Args:
        url: Of its admin port.
        request: What is asked about.
        claims: Who would be calling; None for nobody who is known.

    Raises:
        NoAnswer: There is no answer of a gateway, or it knows nothing of such a request.
        ValueError: The URL is none of an admin port.
    """
    from gateway.config import ConfigError
    from gateway.config.linting import of_running
    from gateway.rehearsal.asked import listener_of

    port = AdminPort(url)
    try:
        shown = port.json("/config")
        version, loaded, doubt = port.version, None, ""
        try:
            loaded = of_running(shown, f"{url}/config").loaded
        except ConfigError as error:
            doubt = error.problems[0].message
        listener = request.listener if loaded is None else listener_of(request, loaded.settings)
        asked = {
            "url": request.url,
            "method": request.method,
            "headers": request.headers,
            "client": request.client,
            "claims": claims or {},
        }
        view = port.json("/live/explain", asked | ({} if listener is None else {"listener": listener}))
    finally:
        port.close()
    return Now(url, version, view, loaded, doubt)


def doubted(now: Now, explanation: Explanation) -> Now:
    """Tell where what was decided here is not what the gateway does: its secrets are masked, and others are made up.

    With another route nothing of it holds, and `loaded` is None. A credential that was refused may be valid.
    """
    taken = next((one.name for one in explanation.decisions if one.kind == "route" and one.key), None)
    if taken != now.view["route"]:
        return replace(now, loaded=None, doubt=_ELSEWHERE)
    refused = (explanation.outcome.failure or {}).get("reason") == "auth.invalid"
    return replace(now, doubt=_MASKED) if refused else now


def lines(now: Now, request: CaseRequest) -> Iterator[str]:
    """Say it to people."""
    version = f" (version {now.version})" if now.version else ""
    yield f"now, at {printable(now.url)}{version}, for a client at {request.client}"
    if now.doubt:
        unusable = "" if now.loaded is not None else "not known, since its configuration cannot be used here: "
        words = unusable + now.doubt
        yield f"  {'decisions':<9} {printable(words)}"
    for kind, name, words in _rows(now.view):
        yield f"  {kind:<9} {printable('  '.join(filter(None, [name, words])))}"
    for note in now.view["notes"]:
        yield f"  {'note':<9} {printable(note)}"
    for one in now.view["ends"]:
        said = f"it would be answered {one['status']}: {one['reason']}, {one['what']}"
        yield f"  {'answer':<9} " + click.style(printable(said), fg="red")
    if not now.view["ends"]:
        yield f"  {'answer':<9} nothing that is counted or watched is in its way"


def _rows(view: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    yield "route", view["route"] or ("its own path" if view["own"] else "none"), ""
    for limit in view["limits"]:
        yield "limit", f"by {limit['by']}", _of_limit(limit)
    if view["cache"] is not None:
        yield "cache", "", _of_cache(view["cache"])
    for upstream in view["upstreams"]:
        yield "upstream", upstream["name"], _of_breaker(upstream.get("circuit_breaker"))
        for backend in upstream["backends"]:
            yield "backend", backend["url"], _of_backend(backend)


def _of_limit(limit: Mapping[str, Any]) -> str:
    if limit["words"]:
        return str(limit["words"])
    words = f"{limit['remaining']} left of {limit['requests']} in {limit['window']:g} s"
    if limit["again"]:
        words += f"; a request may pass in {limit['again']} s"
    return words + (" (dry run)" if limit["dry_run"] else "")


def _of_cache(cache: Mapping[str, Any]) -> str:
    if cache["words"]:
        return str(cache["words"])
    if cache["age"] is None:
        return f"{cache['outcome']}: nothing is kept for it"
    left = f"fresh for {cache['fresh_for']} s" if cache["fresh_for"] > 0 else "stale"
    return f"{cache['outcome']}: an answer is kept, {cache['age']} s old, {left}"


def _of_breaker(breaker: Mapping[str, Any] | None) -> str:
    if breaker is None:
        return ""
    words = f"breaker {breaker['state'].replace('_', '-')}"
    if breaker["state"] != "closed" and breaker["why"]:
        words += f": {breaker['why']}"
    probe = breaker.get("probe_in_seconds")
    return words + (f"; a probe may pass in {probe} s" if probe else "")


def _of_backend(backend: Mapping[str, Any]) -> str:
    why = []
    if not backend.get("health", {}).get("healthy", True):
        why.append("it fails its checks")
    if backend.get("ejection", {}).get("ejected"):
        why.append(f"it is ejected for {backend['ejection']['for_seconds']} s")
    if backend.get("circuit_breaker", {}).get("state", "closed") != "closed":
        why.append(_of_breaker(backend["circuit_breaker"]))
    if backend.get("draining"):
        why.append("its weight is 0")
    if backend.get("backup"):
        why.append("it is a backup")
    return ": ".join(filter(None, [backend["next"], ", ".join(why)]))
