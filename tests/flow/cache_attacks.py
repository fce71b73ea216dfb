"""Attacks on caches, and backends that fall for them: for `tests.flow.test_cache_poisoning`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote_to_bytes

from gateway.memory.backend import Asked, ok

KEEP = (b"Cache-Control", b"public, max-age=60")
OF_EACH = {b"age", b"cache-status", b"x-request-id", b"date", b"traceparent"}
"""Fields of an answer that differ from one to the next."""


def request(
    target: str = "/a/b", *lines: str, method: str = "GET", host: str = "gateway.test", body: bytes | None = None
) -> bytes:
    """Return a request."""
    head = [f"{method} {target} HTTP/1.1", *([f"Host: {host}"] if host else []), *lines]
    if body is not None:
        head.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*head, "", ""]).encode("latin-1") + (body or b"")


def says(reads: Callable[[Asked], Any], *fields: tuple[bytes, bytes]) -> Callable[[Asked], bytes]:
    """Return a backend that makes its answer of what it reads in a request."""
    return lambda asked: whole(asked, repr(reads(asked)).encode(), *(fields or (KEEP,)))


def whole(asked: Asked, body: bytes, *fields: tuple[bytes, bytes], status: bytes = b"200 OK") -> bytes:
    """Return an answer, without content for HEAD."""
    answer = ok(body, *fields, status=status)
    return answer.removesuffix(body) if asked.method == b"HEAD" and body else answer


def field_of(asked: Asked, name: str) -> list[bytes]:
    """Return what a server finds that takes `_` and `.` for `-`, as WSGI, CGI and PHP do."""
    wanted = folded(name.encode())
    return [value for lower, _, value in asked.headers.fields if folded(lower) == wanted]


def folded(name: bytes) -> bytes:
    """Return a name as such a server has it."""
    return name.lower().replace(b"_", b"-").replace(b".", b"-")


def ranged(asked: Asked) -> bytes:
    """Answer a part where it is asked for one, and an error where it cannot read which."""
    said = asked.headers.get(b"range")
    if said is None:
        return ok(b"0123456789", KEEP)
    if not said.startswith(b"bytes=0-"):
        return ok(b"what range?", KEEP, status=b"400 Bad Request")
    fields = (KEEP, (b"Content-Range", b"bytes 0-1/10"))
    return ok(b"01", *fields, status=b"206 Partial Content")


def refusing(which: Callable[[Asked], bool], status: bytes) -> Callable[[Asked], bytes]:
    """Return a backend that refuses some requests, and says that everybody may keep that."""
    return lambda asked: whole(asked, b"no", KEEP, status=status) if which(asked) else whole(asked, b"yes", KEEP)


def splits(asked: Asked) -> bytes:
    """Write a parameter, decoded, into the head."""
    language = unquote_to_bytes(asked.target.partition(b"?")[2] or b"en")
    return ok(b"hello", KEEP, (b"Content-Language", language))


def cloaked(asked: Asked) -> Any:
    """Read parameters as servers do for which `;` separates them too; the last of a name counts."""
    query = asked.target.partition(b"?")[2].decode().replace(";", "&")
    return dict(parse_qsl(query, keep_blank_values=True)).get("x")


def zipped(asked: Asked) -> bytes:
    """Answer with what looks compressed to who takes that, without a word of it in Vary."""
    if b"gzip" in (asked.headers.get(b"accept-encoding") or b""):
        return ok(b"\x1f\x8b", KEEP, (b"Content-Encoding", b"gzip"))
    return ok(b"plain", KEEP)


@dataclass(frozen=True)
class Attack:
    """One line of the table.

    Attributes:
        name: Of the attack.
        sent: By the attacker, each on a connection of its own.
        backend: Makes the answers.
        victim: What the victim sends.
        kept: Whether the victim's answer is given to the next one.
        cache: Settings of the route's cache.
        route: Further settings of the route.
    """

    name: str
    sent: Sequence[bytes]
    backend: Callable[[Asked], bytes | None]
    victim: bytes = request()
    kept: bool = True
    cache: dict[str, Any] = field(default_factory=dict)
    route: dict[str, Any] = field(default_factory=dict)
