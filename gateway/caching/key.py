"""What a request asks for, as the key that its answer is kept under.

# Note [What is not in the key is not sent]
A backend answers by what it is sent. If something is sent that is not in the key, one client could choose what others
get. So the key has the scheme, the host with its port, the path both as it was matched and as it is sent (two spellings
of one path may be two resources to a backend), the query as it is sent, and the fields of `cache.vary`; where
`cache.query` leaves parameters out, these are not sent either. What else is sent are the client's other fields. Those
that frameworks make URLs, hosts or methods of (`OVERRIDES`) are in the key of a request that has them; those that tell
the client's address (`NAMES_CLIENT`) are not sent by who fetches for all, but for the address that the gateway
believes. `Forwarded` is both: its hosts and schemes are in the key and are sent, and nothing else of it (D-352). An
answer that depends on one of the others says so in `Vary`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from gateway.headers import Headers
from gateway.http.fields import folded
from gateway.http.forwarded_field import of_target
from gateway.http.queries import decoded

_REMEMBERED: Final = 4096
_LONGEST: Final = 64

_OVERRIDING: Final = frozenset(
    [
        b"base-url",
        b"cf-visitor",
        b"cloudfront-forwarded-proto",
        b"front-end-https",
        b"http-host",
        b"proxy-host",
        b"request-uri",
        b"wl-proxy-ssl",
        b"x-arr-ssl",
        b"x-backend-host",
        b"x-envoy-original-path",
        b"x-forwarded-context",
        b"x-forwarded-host",
        b"x-forwarded-path",
        b"x-forwarded-port",
        b"x-forwarded-prefix",
        b"x-forwarded-proto",
        b"x-forwarded-protocol",
        b"x-forwarded-schema",
        b"x-forwarded-scheme",
        b"x-forwarded-server",
        b"x-forwarded-ssl",
        b"x-forwarded-uri",
        b"x-host",
        b"x-http-destinationurl",
        b"x-http-host-override",
        b"x-http-method",
        b"x-http-method-override",
        b"x-http-path-override",
        b"x-method-override",
        b"x-original-host",
        b"x-original-method",
        b"x-original-uri",
        b"x-original-url",
        b"x-override-url",
        b"x-proxy-url",
        b"x-proxycontextpath",
        b"x-proxyhost",
        b"x-proxyport",
        b"x-proxyscheme",
        b"x-real-host",
        b"x-replaced-path",
        b"x-rewrite-url",
        b"x-scheme",
        b"x-script-name",
        b"x-url-scheme",
        b"x-waws-unencoded-url",
    ]
)
"""Names of request fields by which one framework or another overrides what the request line says."""

_OF_CLIENTS: Final = frozenset(
    [
        b"cf-connecting-ip",
        b"cf-connecting-ipv6",
        b"cf-pseudo-ipv4",
        b"client-ip",
        b"fastly-client-ip",
        b"fly-client-ip",
        b"proxy-client-ip",
        b"true-client-ip",
        b"wl-proxy-client-ip",
        b"x-appengine-user-ip",
        b"x-azure-clientip",
        b"x-azure-socketip",
        b"x-client-ip",
        b"x-cluster-client-ip",
        b"x-envoy-external-address",
        b"x-forwarded-client-ip",
        b"x-forwarded-for",
        b"x-nf-client-connection-ip",
        b"x-original-forwarded-for",
        b"x-originating-ip",
        b"x-proxyuser-ip",
        b"x-real-ip",
        b"x-remote-addr",
        b"x-remote-ip",
        b"x-sucuri-clientip",
    ]
)
"""Names of request fields that tell the client's address: another one for each client, so never part of a key."""


class Among(dict[bytes, bool]):
    """Whether a field is one of some, by its lower-case name, in any spelling that a server may read as such a name."""

    def __init__(self, names: frozenset[bytes]) -> None:
        super().__init__()
        self._names = names

    def __missing__(self, name: bytes) -> bool:
        verdict = folded(name) in self._names
        if len(self) < _REMEMBERED and len(name) <= _LONGEST:
            self[name] = verdict
        return verdict


OVERRIDES: Final = Among(_OVERRIDING)
"""Whether a field overrides what the request line says."""
NAMES_CLIENT: Final = Among(_OF_CLIENTS)
"""Whether a field tells the client's address."""

FORWARDED: Final = b"forwarded"
"""Name of the field that tells both: see Note [What is not in the key is not sent]."""

_PORTS: Final = {b"http": b":80", b"https": b":443"}


class Key:
    """What was asked for.

    Attributes:
        route: Name of the route.
        url: Host, without the port of the scheme, and path in normal form; see `url_of`.
        query: The query as the client wrote it; None where the key has not all of it: a purge of the URL then meets
            this key, whatever query it names.
        primary: All that answers are told apart by, as one: no two keys that differ have the same.
    """

    __slots__ = ("primary", "query", "route", "url")

    def __init__(self, route: str, url: bytes, query: bytes | None, primary: bytes) -> None:
        self.route = route
        self.url = url
        self.query = query
        self.primary = primary


def make_key(
    scope: bytes,
    route: str,
    scheme: bytes,
    host: bytes,
    path: bytes,
    target: bytes,
    query: bytes | None,
    values: Iterable[bytes | None] = (),
) -> Key:
    """Make the key of a request.

    Args:
        scope: Names what else an answer depends on: the route, as it is configured. Has no line feed.
        route: Name of the route.
        scheme: As the client used it.
        host: In lower case, with the port where given.
        path: In normal form, as it was matched.
        target: What is sent.
        query: As the client wrote it; None where not all of it counts.
        values: Of further fields.
    """
    # None of the parts can hold a line feed, so none can look like two. A lone `?` is a target of its own.
    primary = b"%b\n%b\n%b\n%b\n%b" % (scope, scheme, host, path, target)
    for value in values:
        primary += b"\n-" if value is None else b"\n+" + value
    return Key(route, url_of(scheme, host, path), query, primary)


def overriding(headers: Headers) -> bytes:
    """Return what the primary key of a request has behind it for its fields in `OVERRIDES`, and for `Forwarded`."""
    names = sorted([name for name in headers.index if OVERRIDES[name]])
    said = b"".join([b"\n%b: %b" % (name, headers.joined(name) or b"") for name in names])
    forwarded = of_target(headers.joined(FORWARDED) or b"") if FORWARDED in headers.index else b""
    return b"%b\n%b: %b" % (said, FORWARDED, forwarded) if forwarded else said


def url_of(scheme: bytes, host: bytes, path: bytes) -> bytes:
    """Return how a URL is written in keys, whatever its scheme.

    Args:
        scheme: In lower case; for its port.
        host: In lower case, with the port where given.
        path: In normal form.
    """
    return host.removesuffix(_PORTS.get(scheme, b"/")) + path


def kept_query(query: bytes, names: frozenset[bytes]) -> bytes:
    """Return a query with certain parameters only, in their order and as they are written.

    `;` separates nothing: a server that ends a parameter there finds no more in it than the key has.

    Args:
        query: As written.
        names: Of the parameters, decoded.
    """
    return b"&".join([part for part in query.split(b"&") if decoded(part.partition(b"=")[0]) in names])
