"""Doubts about what a route answers itself: redirects that lead nowhere, and fixed answers that lack a field."""

from __future__ import annotations

import re
from collections.abc import Iterator

from gateway.config.doubts.common import Doubt
from gateway.config.doubts.paths import Paths, is_parameter, is_rest
from gateway.config.endpoint_strings import parse
from gateway.config.patterns import PARAMETER
from gateway.config.schema import Settings
from gateway.config.schema.answers import NAME, Redirect
from gateway.config.schema.routes import Route

_ELSEWHERE = "it sends clients elsewhere, and does not say where: `redirect` does"
_INCOMPLETE = (
    *((status, "location", _ELSEWHERE) for status in (301, 302, 303, 307, 308)),
    (401, "www-authenticate", "it asks for credentials, and `headers` does not say which: `WWW-Authenticate`"),
    (405, "allow", "`headers` does not say which methods there are: `Allow`"),
)
"""Statuses that need a field of the answer (RFC 9110 section 15)."""

_THERE = "it would lead to where the request is: there it is answered with 404"

_NOT_OURS = re.compile(r"\$(?:[0-9]+|[A-Za-z_]\w*)")
"""What other gateways put a group, or what was asked for, in the place of."""

_AS_IT_STANDS = "clients would be sent to it as it stands"
_SAMPLE = "0"


def answers(route: Route, settings: Settings, paths: Paths) -> Iterator[Doubt]:
    """Doubt what a route answers itself; `settings` are the whole configuration, and `paths` those of its routes."""
    redirect = route.redirect
    if redirect is not None:
        yield from ((("redirect", *steps), words) for steps, words in _redirects(route, redirect, settings, paths))
    if route.respond is not None:
        for status, field, words in _INCOMPLETE:
            if route.respond.status == status and field not in map(str.lower, route.respond.headers):
                yield ("respond", "status"), words


def _redirects(route: Route, redirect: Redirect, settings: Settings, paths: Paths) -> Iterator[Doubt]:
    rest = (redirect.host, redirect.port, redirect.path)
    if redirect.scheme == "https" and rest == (None,) * 3:
        here = [listener for listener in settings.listeners if route.is_on(listener.name)]
        if any(parse(listener.endpoint)[0] in ("ssl", "tls", "sni") for listener in here):
            yield ("scheme",), f"over TLS {_THERE}"
    if redirect.host in route.hosts and (redirect.scheme, redirect.port, redirect.path) == (None,) * 3:
        yield ("host",), _THERE if len(route.hosts) == 1 else f"for `{redirect.host}` {_THERE}"
    if redirect.path is not None:
        doubts = list(_literals(redirect.path))
        yield from ((("path",), words) for words in doubts or _again(route, redirect, redirect.path, paths))


def _literals(path: str) -> Iterator[str]:
    """Doubt what stands for something in patterns and in other gateways, and for itself here."""
    literal = NAME.sub("", path)
    for segment in literal.split("/"):
        if parameter := PARAMETER.fullmatch(segment):
            yield f"`{segment}`: {_AS_IT_STANDS}; the parameter is `${{param.{parameter[1]}}}`"
        elif segment == "*":
            yield f"`*`: {_AS_IT_STANDS}; what `/{{*rest}}` at the end of the route's path matches is `${{param.rest}}`"
    for found in _NOT_OURS.findall(literal):
        ours = "a group with a name, `(?P<id>…)`, is `${param.id}`" if found[1].isdigit() else "`${path}` is the path"
        yield f"`{found}`: {_AS_IT_STANDS}; {ours}"


def _again(route: Route, redirect: Redirect, path: str, paths: Paths) -> Iterator[str]:
    """Doubt a path that the same route takes again."""
    if redirect.scheme or redirect.port or route.headers or (redirect.host and redirect.host not in route.hosts):
        return
    if route.methods is not None and "GET" not in route.methods and redirect.status in (301, 302, 303):
        return  # a form that was posted leads to a page at the same path
    for pattern in route.path:
        if pattern.startswith("~"):
            continue
        own = "/" + "/".join(_SAMPLE if _is_variable(segment) else segment for segment in pattern[1:].split("/"))
        target = NAME.sub(lambda name, own=own: own if name[1] == "path" else _SAMPLE, path)  # type: ignore[misc]
        if [first is route for first in paths.first(target)] == [True]:
            yield f"the route takes {target} too: clients would be sent on and on, or be answered with 404"
            return


def _is_variable(segment: str) -> bool:
    return is_rest(segment) or is_parameter(segment)
