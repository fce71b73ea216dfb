"""What keeps callers out of a location of nginx and has no counterpart here.

Of `gateway.importing.nginx`: a location that has any of it lets nobody in, by Note [Closed rather than open] in
`gateway.importing.closing`.

Tests: `tests/importing/nginx/test_protection.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from gateway.config.patterns import route_method
from gateway.config.problems import Unexpected
from gateway.importing.nginx.reading import Directive
from gateway.importing.nginx.scope import Scope
from gateway.importing.nginx.upstreams import Leave

ASKING: Final = {
    "auth_request": "who is asked gets another request here: see `auth.forward`",
    "auth_jwt": "tokens are verified by `auth.jwt` here",
    "auth_digest": "digests are not asked for here",
    "auth_pam": "PAM is not asked here",
    "auth_ldap": "directories are not asked here",
    "auth_gss": "Kerberos is not asked here",
    "ssl_verify_client": "client certificates are asked for by the endpoint here: write `clientCA=FILE` into it",
    "access_by_lua": "code of nginx does not run here",
    "access_by_lua_block": "code of nginx does not run here",
    "access_by_lua_file": "code of nginx does not run here",
    "rewrite_by_lua_block": "code of nginx does not run here",
    "rewrite_by_lua_file": "code of nginx does not run here",
    "js_access": "code of nginx does not run here",
}
"""Directives that hold in what is within a block, unless they say `off` there."""

OPEN_AGAIN: Final = "the location is closed: write its protection, and take `ip_deny` out"
_OFF: Final = frozenset({"off", "optional", "optional_no_ca"})
"""Certificates that are optional are looked at by an `if`, which closes by itself."""

_WRITTEN_BY_ANYBODY: Final = frozenset(
    {"host", "http_host", "http_referer", "http_user_agent", "https", "invalid_referer", "scheme", "server_port"}
)
"""Variables whose values a client chooses: a location that refuses some of them keeps nobody out, and stays open."""

_REFUSING: Final = re.compile(r"4[0-9]{2}")
_KEEPING_OUT: Final = frozenset({*ASKING, "deny", "allow", "auth_basic", "internal", "if", "limit_except"})


class Uncarried(NamedTuple):
    """One directive that protects a location, and why it does not do so here."""

    at: Directive
    why: str


def uncarried(scope: Scope) -> Iterator[Uncarried]:
    """Yield what protects a location and is not carried over."""
    for name, why in ASKING.items():
        found = scope.one(name)
        if found is not None and not (found.words and found.words[0] in _OFF):
            yield Uncarried(found, why)
    for block in scope.blocks:
        for each in block.block or ():
            if each.name == "if" and _refuses(each):
                yield Uncarried(each, "who is refused depends on a condition, which is not carried over")


def _refuses(condition: Directive) -> bool:
    """Whether a condition refuses callers, by more than what any of them may write as he likes."""
    asked = condition.words[0].lstrip("(!$") if condition.words else ""
    return asked not in _WRITTEN_BY_ANYBODY and any(
        each.name == "return" and each.words and _REFUSING.fullmatch(each.words[0]) for each in condition.block or ()
    )


def is_internal(scope: Scope) -> bool:
    """Whether a location is for nginx's own requests alone: a client that asks for it gets 404."""
    return bool(scope.innermost.all("internal"))


def methods(scope: Scope, leave: Leave) -> list[str]:
    """Return the methods that `limit_except` names, HEAD with GET; none where there is no such block.

    Other methods are refused to everybody here, which is what `deny all` in the block says; what else stands in it
    would let some in, and is listed.
    """
    found: dict[str, None] = {}
    for each in scope.innermost.all("limit_except"):
        for word in each.words:
            try:
                found[route_method(word.upper())] = None
            except Unexpected as error:
                leave(each, f"expected {error.expected}, found {word!r}")
        if "GET" in found:
            found["HEAD"] = None
        for inner in each.block or ():
            if (inner.name, inner.words) == ("deny", ("all",)):
                inner.used = True
            else:
                leave(inner, "methods that are not named are refused to everybody here")
    return list(found)


def keeps_out(block: Directive) -> bool:
    """Whether anything in a location of its own keeps callers out, carried over or not."""
    return any(
        each.name in _KEEPING_OUT
        or (each.name == "return" and bool(each.words) and _REFUSING.fullmatch(each.words[0]) is not None)
        for each in block.block or ()
    )
