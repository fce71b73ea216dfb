"""`POST /cache/purge`: kept answers are given no more, those of a route, of a URL, with a tag, or all.

How many these were is not said: they are not counted, since they are not looked for (D-380).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection
from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.web.server import Request

from gateway.admin.guard import Guard, caller
from gateway.admin.resources import Leaf
from gateway.admin.writes import Write
from gateway.caching.key import url_of
from gateway.caching.store import Purge
from gateway.config import patterns
from gateway.config.problems import Unexpected, suggestion
from gateway.errors import GatewayError, MalformedRequest
from gateway.http.hosts import normal_host
from gateway.http.paths import normal_form

_log = Logger()

_WHAT = ("route", "url", "tag")
_URL = re.compile(r"(https?)://([^/?]+)([^?]*)(?:\?(.*))?", re.IGNORECASE | re.DOTALL).fullmatch
_IS_TAG = re.compile(r"[^\s,\x00-\x1f\x7f]+").fullmatch


class Caches(Protocol):
    """What is asked of the caches of the configuration in force."""

    @property
    def routes(self) -> Collection[str]:
        """Names of the routes that keep answers."""

    def purge(self, purge: Purge, /) -> Deferred[bool] | bool:
        """Purge; gives whether every instance goes by it from now on."""


class CachePurge(Write):
    """`POST /cache/purge`.

    Args:
        guard: Lets in who may change something.
        caches: Those of the configuration in force.
    """

    methods = ("POST",)
    words = 'forget kept answers: {"route": …}, {"url": …}, {"tag": …} or {} for all (needs admin.token)'

    def __init__(self, guard: Guard, caches: Callable[[], Caches]) -> None:
        super().__init__(guard)
        self._caches = caches

    def change(self, request: Request) -> tuple[int, Any] | Deferred[tuple[int, Any]]:
        """Purge."""
        caches = self._caches()
        try:
            said = json.loads(request.content.read() if request.content is not None else b"")
        except (ValueError, RecursionError):
            raise MalformedRequest("The body is not JSON; {} purges everything.") from None
        purge = read(said, caches.routes)
        done = caches.purge(purge)
        if isinstance(done, Deferred):
            return done.addCallback(lambda told: _outcome(request, said, told))
        return _outcome(request, said, done)


def read(said: object, routes: Collection[str]) -> Purge:
    """Read what is to be purged.

    Args:
        said: The body.
        routes: Names of the routes that keep answers.

    Raises:
        MalformedRequest: It says something else.
    """
    if not isinstance(said, dict):
        raise MalformedRequest('Expected an object: {"route": …}, {"url": …}, {"tag": …} or {} for everything.')
    for name in said:
        if name not in _WHAT:
            near = suggestion(name, _WHAT) or "; there are route, url and tag."
            raise MalformedRequest(f"There is no `{name}` to purge by{near}")
    if len(said) > 1:
        raise MalformedRequest(f"Expected one of route, url and tag, found {' and '.join(map(str, said))}.")
    for name, value in said.items():
        if not isinstance(value, str) or not value:
            raise MalformedRequest(f"{name}: expected a text, found {json.dumps(value)}.")
    if "route" in said:
        name = said["route"]
        if name not in routes:
            near = suggestion(name, routes) or "."
            raise MalformedRequest(f"There is no route `{name}` that keeps answers{near}")
        return Purge(route=name)
    if "tag" in said:
        if _IS_TAG(said["tag"]) is None:
            raise MalformedRequest("tag: expected one tag, without blanks and commas.")
        return Purge(tag=said["tag"].encode())
    return _by_url(said["url"]) if "url" in said else Purge()


def _by_url(written: str) -> Purge:
    try:
        found = _URL(patterns.url(written))
        assert found is not None
        scheme, host, path, query = (None if part is None else part.encode("ascii") for part in found.groups())
        assert scheme is not None
        assert host is not None
        url = url_of(scheme.lower(), normal_host(host), normal_form(path or b"/"))
    except Unexpected as error:
        raise MalformedRequest(f"url: expected {error.expected}, found {json.dumps(written)}.") from None
    except (ValueError, GatewayError):
        raise MalformedRequest(f"url: no request can be for {json.dumps(written)}.") from None
    return Purge(url=url, query=query)


def _outcome(request: Request, said: dict[str, str], told: bool) -> tuple[int, Any]:
    name, value = next(iter(said.items()), ("everything", ""))
    _log.info(
        "Operator: purged {what} {value} ({who})",
        what=name,
        value=value,
        who=f"admin:{caller(request)}",
        event="admin.purged",
    )
    if told:
        return 200, {"purged": said}
    return 503, {"error": "Redis does not answer: other instances are told as soon as it does", "purged": said}


def purge_writes(guard: Guard, caches: Callable[[], Caches]) -> dict[str, Leaf]:
    """Return the write by path.

    Args:
        guard: Lets in who may change something.
        caches: Those of the configuration in force.
    """
    return {"cache/purge": CachePurge(guard, caches)}
