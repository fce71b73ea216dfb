"""What a backend says of itself, turned into what its client asked: `Location`, `Content-Location`, `Set-Cookie`.

Layer 1, asked by `gateway.forwarding.rewriting` for upstreams with `rewrite_responses`.

Tests: `tests/flow/test_rewriting.py::test_own_urls_become_those_that_the_client_asked`.

# Note [Whose URL it is]
A URL is the backend's own where it has the backend's name and port, by the backend's scheme; or the Host that the
backend was sent or what the client has asked for (which `X-Forwarded-Host` has told it), by the backend's scheme or by
the client's (which `X-Forwarded-Proto` has told it). Every other URL is foreign, and goes on as it is. So does a path
of the backend that is not below the base path: the gateway has no path for it.

# Note [Where it leads]
A whole URL becomes one of the scheme, host and port that the client asked for: the client has sent the host itself, or
a trusted proxy has. A path stays a path, and is never made one that is read as a host (`/v2//evil.example`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from gateway.exchange import Exchange
from gateway.headers import Field, Headers
from gateway.http.asked import PORTS, asked
from gateway.http.hosts import bare_host, is_of_dns

_NAMED = frozenset([b"location", b"content-location", b"set-cookie"])

_URL = re.compile(rb"(?:(https?):)?//([^/?#\\@]+)(?=[/?#]|\Z)(.*)", re.DOTALL | re.IGNORECASE).fullmatch
# Browsers drop tabs from URLs, and take `\` for `/`.
_IS_READ_AS_HOST = re.compile(rb"/[\t\r\n]*[/\\]").match
_IS_ADDRESS = re.compile(rb"[0-9.]+|\[.*").fullmatch


class Reverse:
    """Rewrites the answers of one backend.

    Args:
        scheme: By which it is asked.
        authority: Its name, with the port where that is not the scheme's.
        sent: What it is sent as Host; None for what the client has sent.
        base: The path that everything is asked for below, without a slash at its end.
    """

    __slots__ = ("_authority", "_base", "_scheme", "_sent")

    def __init__(self, scheme: bytes, authority: bytes, sent: bytes | None, base: bytes) -> None:
        self._scheme = scheme
        self._authority = _without_port(authority, scheme)
        self._sent = sent
        self._base = base

    def rewrite(self, exchange: Exchange, headers: Headers) -> Headers:
        """Return the fields of an answer as its client is to see them; `headers` themselves where nothing changes."""
        if _NAMED.isdisjoint(headers.index):
            return headers
        known = _Known(self._scheme, self._authority, self._sent, self._base, exchange)
        fields: list[Field] = []
        for lower, name, value in headers.fields:
            if lower == b"set-cookie":
                value = known.cookie(value)
            elif lower in _NAMED:
                value = known.location(value)
            fields.append((lower, name, value))
        return Headers.of(fields)


class _Known:
    """One exchange, and the names that its backend has."""

    def __init__(self, scheme: bytes, authority: bytes, sent: bytes | None, base: bytes, exchange: Exchange) -> None:
        self._scheme = scheme
        self._authority = authority
        self._base = base
        self._asked_scheme = exchange.scheme
        self._host, port = asked(exchange)
        if not is_of_dns(self._host):
            self._host = b""  # `;` may stand in a host, and would end an attribute of a cookie
        self._origin = b""
        self._sent = sent if sent is not None else exchange.request.host or authority
        self._told = [self._sent]
        if self._host:
            suffix = b"" if port == PORTS[self._asked_scheme] else b":" + port
            self._told.append(self._host + suffix)
            self._origin = b"%b://%b%b" % (self._asked_scheme, self._host, suffix)

    def location(self, value: bytes) -> bytes:
        """Rewrite a URL or a path: Note [Whose URL it is]."""
        found = _URL(value)
        if found is None:
            return self._path(value) if value.startswith(b"/") and not _IS_READ_AS_HOST(value) else value
        scheme = (found[1] or self._scheme).lower()
        if not self._is_own(scheme, found[2].lower()):
            return value
        rest = found[3]
        path = self._below(rest if rest.startswith(b"/") else b"/" + rest)
        if path is None:
            return value
        return self._origin + path if self._origin else _as_path(path)

    def cookie(self, value: bytes) -> bytes:
        """Rewrite the `Domain` and the `Path` of a cookie."""
        first, *attributes = value.split(b";")
        kept = [first]
        for attribute in attributes:
            name, _, said = attribute.partition(b"=")
            kind, said = name.strip().lower(), said.strip()
            if kind == b"path" and said.startswith(b"/"):
                attribute = b"%b=%b" % (name, self._cookie_path(said))
            elif kind == b"domain" and self._is_own_domain(said.lstrip(b".").lower()):
                if not self._host or _IS_ADDRESS(self._host):
                    continue  # then it is a cookie of this host alone
                attribute = b"%b=%b" % (name, self._host)
            kept.append(attribute)
        return b";".join(kept)

    def _is_own(self, scheme: bytes, authority: bytes) -> bool:
        name = _without_port(authority, scheme)
        if name == self._authority and scheme == self._scheme:
            return True
        if scheme != self._scheme and scheme != self._asked_scheme:
            return False
        return any(name == _without_port(told, scheme) for told in self._told)

    def _is_own_domain(self, domain: bytes) -> bool:
        """Whether a cookie's domain is the backend's and not the client's host or one above it."""
        return _is_within([self._authority, self._sent], domain) and not _is_within([self._host], domain)

    def _path(self, value: bytes) -> bytes:
        path = self._below(value)
        return value if path is None else _as_path(path)

    def _below(self, path: bytes) -> bytes | None:
        """Return a path without the base; None where it is not below it."""
        base = self._base
        if not base:
            return path
        if not path.startswith(base):
            return None
        rest = path[len(base) :]
        if rest.startswith(b"/"):
            return rest
        return b"/" + rest if not rest or rest[:1] in b"?#" else None

    def _cookie_path(self, path: bytes) -> bytes:
        if self._base.startswith(path.rstrip(b"/") + b"/"):
            return b"/"  # a path above the base is that of everything here
        return self._below(path) or path


def _without_port(authority: bytes, scheme: bytes) -> bytes:
    return authority.removesuffix(b":" + PORTS[scheme])


def _is_within(authorities: Iterable[bytes], domain: bytes) -> bool:
    return bool(domain) and any((b"." + bare_host(one)).endswith(b"." + domain) for one in authorities)


def _as_path(path: bytes) -> bytes:
    """Keep a path from being read as a host: `/.//evil.example` is a path to everybody."""
    return b"/." + path if _IS_READ_AS_HOST(path) else path
