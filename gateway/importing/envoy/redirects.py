"""A redirect of an Envoy route as ours.

Of `gateway.importing.envoy`. Ours keeps the path or has another one, in which the rest of the route's path may stand:
`prefix_rewrite` becomes that, and the path of the route then names its rest.

Tests: `tests/importing/envoy/test_kind.py::test_a_redirect_by_prefix`.
"""

from __future__ import annotations

from typing import Final

from gateway.importing.draft import Data, Draft, Template
from gateway.importing.envoy.matching import Matching
from gateway.importing.parts import Part

_CODES: Final = {
    "MOVED_PERMANENTLY": 301,
    "FOUND": 302,
    "SEE_OTHER": 303,
    "TEMPORARY_REDIRECT": 307,
    "PERMANENT_REDIRECT": 308,
}
_REST: Final = "${param.rest}"
_ANY_REST: Final = "(?:/.*)?"
"""The end of the expression for a path with all that is below it."""


def redirect(part: Part, matching: Matching, draft: Draft) -> Data | None:
    """Return `redirect` of a route; None where the path that it leads to cannot be said."""
    found: Data = {}
    if part.flag("https_redirect"):
        found["scheme"] = "https"
    elif (scheme := part.text("scheme_redirect")) is not None:
        found["scheme"] = scheme
    if (host := part.text("host_redirect")) is not None:
        found["host"] = host
    if (port := part.whole("port_redirect")) is not None:
        found["port"] = port
    if (path := part.text("path_redirect")) is not None:
        found["path"], asks, _ = path.partition("?")
        if asks:
            said = part.get("path_redirect") or part
            draft.leave(said, "a redirect of the gateway keeps the query that was asked, and has none of its own")
    elif (prefix := part.text("prefix_rewrite")) is not None:
        written = _rewritten(prefix, part, matching, draft)
        if written is None:
            return None
        found["path"] = written
    elif part.get("regex_rewrite") is not None:
        return None
    draft.only(part, "strip_query", False, "a redirect of the gateway keeps the query")
    return {**found, "status": _CODES.get(part.text("response_code") or "", 301)}


def _rewritten(prefix: str, part: Part, matching: Matching, draft: Draft) -> str | None:
    if "?" in prefix or matching.path.startswith("~"):
        return None
    if matching.prefix is None:
        return prefix  # of one path, which is replaced as a whole
    if matching.prefix == "/":
        return Template(f"{prefix.rstrip('/')}${{path}}")
    if matching.prefix.endswith("/"):
        return Template(f"{prefix}{_REST}")
    if not prefix.endswith("/"):
        why = f"{matching.prefix} itself is sent to {prefix}/, with a slash, as what is below it"
        draft.leave(part.get("prefix_rewrite") or part, why, "write a route for that path if it matters")
    # Envoy puts the two together as they stand: for what is below, the slash behind the old prefix follows the new one.
    return Template(f"{prefix}/{_REST}")


def needs_rest(redirect: Data) -> bool:
    """Whether the route's path has to name its rest."""
    return _REST in redirect.get("path", "")


def naming_rest(path: str) -> str:
    """Return a path of a route, which takes all that is below it, so that the rest has the name `rest`."""
    if path.startswith("~"):
        return f"{path.removesuffix(_ANY_REST)}(?:/(?P<rest>.*))?"
    return f"{path.removesuffix('*')}{{*rest}}"
