"""Tests of the result, made of what the source says about a route.

A kind of source fills a `Said` by the rules of where the source comes from, and never by looking at what it has made: a
test that repeats the result would pass whatever the result is.

Tests: `tests/importing/test_cases.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote

from gateway.config.problems import Place
from gateway.importing.draft import Data, Draft, Made
from gateway.importing.samples import ANY_HOST

MOST_REPEATED: Final = 200
"""Requests up to which a limit is tried: a test of a larger one would take longer than it says."""

OUR_CLIENT: Final = "192.0.2.1"


@dataclass
class Said:
    """What a source says about requests of one route.

    Attributes:
        route: Its name in the result.
        place: Where the source says so.
        path: A path that it is for.
        status: What clients get whom it lets in.
        upstream: Where these requests go; an expression for one of several, None where nothing is asked.
        sent: The path that the backend gets; None where the source leaves it open.
        sent_headers: Fields that the backend gets; None: that are not there.
        returned: Fields that the client gets.
        client: An address that is let in; None for any.
        refused: An address that is not.
        claims: What is known of a caller who is let in; None where nobody is asked.
        lacking: What is known of a caller who is refused for lack of a scope or a role.
        refuses_strangers: Whether who shows no credential is refused.
        shut: Whether nobody is let in, since what protects the route could not be carried over.
        limit: Requests after which one is refused, within a window.
        origin: A page that may call it from another origin.
    """

    route: str
    place: Place
    path: str
    host: str = ANY_HOST
    method: str = "GET"
    scheme: str = "http"
    query: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    status: int = 200
    body: str | None = None
    upstream: str | None = None
    sent: str | None = None
    sent_headers: dict[str, str | None] = field(default_factory=dict)
    returned: dict[str, str] = field(default_factory=dict)
    client: str | None = None
    refused: str | None = None
    claims: Data | None = None
    lacking: Data | None = None
    refuses_strangers: bool = False
    shut: bool = False
    limit: int | None = None
    origin: str | None = None


def add_tests(said: Said, draft: Draft) -> None:
    """Put the tests of a route into a draft."""
    if said.shut:
        _add(draft, said, "lets nobody in until its protection is written", {}, {"status": 403})
        return
    if said.claims is None and said.refuses_strangers:
        # No credential can be made up for a caller: what is left to try is that strangers are refused.
        _add(draft, said, "refuses who shows nothing", {}, {"status": "~^40[13]$", "upstream": None})
        return
    given: Data = {} if said.claims is None else {"claims": said.claims}
    _add(draft, said, _meaning(said), given, _expected(said))
    if said.refuses_strangers:
        _add(draft, said, "refuses who shows nothing", {}, {"status": "~^40[13]$", "upstream": None})
    if said.lacking is not None:
        _add(draft, said, "refuses who lacks a scope", {"claims": said.lacking}, {"status": 403, "upstream": None})
    if said.refused is not None:
        _add(draft, said, f"refuses {said.refused}", given, {"status": 403, "upstream": None}, client=said.refused)
    if said.limit is not None and said.limit < MOST_REPEATED:
        _add(draft, said, f"refuses more than {said.limit}", {**given, "repeat": said.limit + 1}, {"status": 429})
    if said.origin is not None:
        asks = {"Origin": said.origin, "Access-Control-Request-Method": said.method}
        answer = {
            "status": "~^20[04]$",
            "headers": {"Access-Control-Allow-Origin": f"~^({_literal(said.origin)}|[*])$"},
        }
        _add(draft, said, f"lets pages of {said.origin} ask", {}, answer, method="OPTIONS", headers=said.headers | asks)


def _meaning(said: Said) -> str:
    if said.upstream is not None and said.upstream.startswith("~"):
        return "goes to one of several"
    return f"goes to {said.upstream}" if said.upstream else f"answers {said.status}"


def _expected(said: Said) -> Data:
    expected: Data = {"status": said.status, "route": said.route}
    if said.upstream is not None:
        expected["upstream"] = said.upstream
    if said.returned:
        expected["headers"] = dict(said.returned)
    if said.body is not None:
        expected["body"] = said.body
    sent: Data = {} if said.sent is None else {"path": said.sent}
    if said.sent_headers:
        sent["headers"] = dict(said.sent_headers)
    return expected | ({"sent": sent} if sent else {})


def _add(draft: Draft, said: Said, meaning: str, given: Data, expect: Data, **other: Any) -> None:
    request: Data = {}
    method = other.get("method", said.method)
    if method != "GET":
        request["method"] = method
    query = f"?{said.query}" if said.query else ""
    request["url"] = f"{said.scheme}://{said.host}{quote(said.path, safe='/%:@!$&*+,;=~()-._')}{query}"
    if headers := other.get("headers", said.headers):
        request["headers"] = dict(headers)
    client = other.get("client", said.client)
    if client is not None and client != OUR_CLIENT:
        request["client"] = client
    test: Data = {"name": draft.name(f"{said.route} {meaning}", "tests"), "request": request}
    draft.tested.setdefault(said.route, set()).add(test["name"])
    if given:
        test["given"] = dict(given)
    draft.tests.append(Made(test | {"expect": expect}, said.place))


def _literal(text: str) -> str:
    return "".join(f"\\{one}" if one in ".*+?()[]{}|^$\\" else one for one in text)
