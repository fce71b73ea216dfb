"""Which header fields cross the gateway, and which are for one hop only.

Rules only. What is sent on is written anew from the fields that pass here.
"""

from __future__ import annotations

import re
from typing import Final

from gateway.headers import Field, Headers

HOP_BY_HOP: Final = frozenset(
    [
        # RFC 9110 section 7.6.1
        b"connection",
        b"keep-alive",
        b"proxy-connection",
        b"te",
        b"transfer-encoding",
        b"upgrade",
        # RFC 9110 sections 11.7.1 and 11.7.2: between a client and its own proxy
        b"proxy-authenticate",
        b"proxy-authorization",
        # RFC 9113 section 3.1: obsolete, and a known way past a gateway's rules
        b"http2-settings",
    ]
)
"""Fields for one connection; never passed on, in either direction."""

FRAMING: Final = frozenset([b"content-length", b"host"])
"""Fields that the gateway writes itself from what it understood."""

NEVER_FORWARDED: Final = frozenset([b"proxy"])
"""CGI hands a `Proxy` field to programs as the variable HTTP_PROXY, and HTTP libraries send their own requests through
the proxy that it names: a client could choose that proxy (httpoxy)."""

OTHER_URLS: Final = frozenset([b"x-original-url", b"x-rewrite-url"])
"""Fields that some frameworks take the path from, in place of the target: no rule of the gateway has seen that path."""

OURS: Final = frozenset([b"gateway-reason"])
"""Fields by which the gateway tells a client what it says itself, and why: no backend speaks for it (D-328)."""

IDENTITY_PREFIX: Final = b"x-user-"
"""Fields by which the gateway tells a backend who is calling: a client may not send them."""

NEVER_IN_TRAILERS: Final = frozenset(
    [
        # RFC 9110 section 6.5.1: framing, routing, authentication, request modifiers, response control
        b"age",
        b"authorization",
        b"cache-control",
        b"content-encoding",
        b"content-range",
        b"content-type",
        b"cookie",
        b"date",
        b"expect",
        b"expires",
        b"host",
        b"if-match",
        b"if-modified-since",
        b"if-none-match",
        b"if-range",
        b"if-unmodified-since",
        b"location",
        b"max-forwards",
        b"pragma",
        b"range",
        b"retry-after",
        b"set-cookie",
        b"trailer",
        b"vary",
        b"www-authenticate",
        # The gateway writes these into the head; in trailers they could only be a client's.
        b"forwarded",
        b"via",
        b"x-forwarded-for",
        b"x-forwarded-host",
        b"x-forwarded-port",
        b"x-forwarded-proto",
        b"x-real-ip",
        b"x-request-id",
    ]
)

EVERY_FIELD: Final = b"*"
"""In a set of names that something is decided by: every field is one of them."""

_NOT_NAME: Final = re.compile(rb"[^a-z0-9]")
_MEMO_LIMIT: Final = 4096


class FieldFilter(dict[bytes, bool]):
    """Whether a field passes, by its lower-case name: `filter[b"x-user-id"]`.

    A backend may read `x_user_id` or `x.user.id` as `X-User-Id` (CGI, WSGI and
    PHP fold them), so a name is judged by what it could be read as. Each name is
    judged once; at most 4096 verdicts are remembered.

    Args:
        dropped: Lower-case names that do not pass, in whatever spelling.
        prefixes: Beginnings of further such names.
        decisive: Lower-case names of fields that a rule decided by. A field passes under such a name and not under
            another spelling of it: the backend must not read `X_Tenant` where the rule has read `X-Tenant`. With `*`
            every field is decisive, so only names of letters, digits and hyphens pass.
    """

    def __init__(
        self,
        dropped: frozenset[bytes],
        prefixes: tuple[bytes, ...] = (),
        decisive: frozenset[bytes] = frozenset(),
    ) -> None:
        super().__init__()
        self.dropped = frozenset(map(folded, dropped))
        self.prefixes = prefixes
        self.decisive = decisive - {EVERY_FIELD}
        self.all_decisive = EVERY_FIELD in decisive
        self._one_spelling = frozenset(map(folded, self.decisive))
        self._trailers: FieldFilter | None = None

    def __missing__(self, name: bytes) -> bool:
        passes = self._judge(name)
        if len(self) < _MEMO_LIMIT:
            self[name] = passes
        return passes

    def _judge(self, name: bytes) -> bool:
        read_as = folded(name)
        if read_as in self.dropped or (self.prefixes and read_as.startswith(self.prefixes)):
            return False
        if name in self.decisive:
            return True
        return read_as not in self._one_spelling and not (self.all_decisive and name != read_as)

    @property
    def trailers(self) -> FieldFilter:
        """The filter for the trailers of the same messages."""
        made = self._trailers
        if made is None:  # most filters see no message with trailers
            made = self._trailers = trailer_filter(self)
        return made


class _NoField(FieldFilter):
    """Lets no field pass."""

    def _judge(self, name: bytes) -> bool:
        return False


def folded(name: bytes) -> bytes:
    """Return a lower-case name with a hyphen for each character that is no letter or digit, as servers may read it."""
    return _NOT_NAME.sub(b"-", name)


def request_filter(remade: frozenset[bytes], decisive: frozenset[bytes] = frozenset()) -> FieldFilter:
    """Make the filter for requests.

    Args:
        remade: Further names that a client's field may not have: the gateway writes these fields itself (forwarding,
            tracing, identity), or does not show them to backends.
        decisive: Names of fields that a rule decided by, see `FieldFilter`.
    """
    return FieldFilter(HOP_BY_HOP | FRAMING | NEVER_FORWARDED | remade, (IDENTITY_PREFIX,), decisive)


def response_filter() -> FieldFilter:
    """Make the filter for responses."""
    return FieldFilter(HOP_BY_HOP | FRAMING | OURS)


def trailer_filter(message: FieldFilter) -> FieldFilter:
    """Make the filter for the trailers of messages whose heads go through `message`.

    A field that a rule decided by does not pass: the rule has seen the head only, and the backend could read both.
    """
    dropped = message.dropped | NEVER_IN_TRAILERS | OTHER_URLS | message.decisive
    return (_NoField if message.all_decisive else FieldFilter)(dropped, message.prefixes)


def connection_options(headers: Headers) -> frozenset[bytes]:
    """Return the lower-case options of Connection, empty where there is none."""
    value = headers.index.get(b"connection")
    if value is None:
        return _NONE
    if len(headers.index) != len(headers.fields):
        value = headers.joined(b"connection") or b""
    options = _options.get(value)
    if options is None:
        options = frozenset([option.strip(b" \t") for option in value.lower().split(b",")])
        if len(value) <= _LONGEST_OPTIONS:  # clients choose these values: what is kept of them is bounded
            if len(_options) >= _MOST_OPTIONS:
                _options.clear()
            _options[value] = options
    return options


_options: Final[dict[bytes, frozenset[bytes]]] = {}  # nearly all clients send one of a few values
_MOST_OPTIONS: Final = 256
_LONGEST_OPTIONS: Final = 128
_NONE: Final[frozenset[bytes]] = frozenset()
_NOT_NAMES: Final = frozenset([b"close", b"keep-alive", b"upgrade", b"te", b""])


_BY_CONNECTION_BEGINS: Final = frozenset([b"n", b"N", b",", b" ", b"\t"])
_BY_CONNECTION: Final = re.compile(rb"(?:^|,)[ \t]*(?:ntlm|negotiate)(?![!#$%&'*+.^_`|~0-9a-z-])", re.IGNORECASE)


def asks_for_connection(credential: bytes) -> bool:
    """Whether an Authorization field authenticates the connection, not only the request (RFC 4559 section 6)."""
    # What the expression can begin with is looked at first: nearly every credential begins with `Bearer` or `Basic`.
    return credential[:1] in _BY_CONNECTION_BEGINS and _BY_CONNECTION.match(credential) is not None


def authenticates_connection(headers: Headers) -> bool:
    """Whether an answer says that its connection is authenticated, or asks for that.

    Once a user has authenticated a connection by `NTLM` or `Negotiate`, a server takes every request on it for that
    user's.
    """
    said = (headers.joined(b"persistent-auth") or b"").strip(b" \t").lower()
    return said == b"true" or _BY_CONNECTION.search(headers.joined(b"www-authenticate") or b"") is not None


def passed_on(headers: Headers, passes: FieldFilter) -> list[Field]:
    """Return the fields that may go to the other side.

    RFC 9110 section 7.6.1: fields named by Connection are for this hop only.
    They are removed before the gateway adds its own fields, so a client cannot
    name one of the gateway's in Connection to have it removed. Nor can it have
    a field removed that something was decided by (D-131).
    """
    options = connection_options(headers)
    if options and not options <= _NOT_NAMES:
        named = options - _NOT_NAMES - passes.decisive
        return [field for field in headers.fields if passes[field[0]] and field[0] not in named]
    return [field for field in headers.fields if passes[field[0]]]


def encode_passed(headers: Headers, passes: FieldFilter) -> bytes:
    """Return the fields that may go to the other side, as lines; a `HeaderBlock` keeps them once they are made."""
    block = headers.block
    if block is not None and block.passed is not None and block.passed[0] is passes:
        return block.passed[1]
    encoded = b"".join([b"%b: %b\r\n" % (name, value) for _, name, value in passed_on(headers, passes)])
    if block is not None:
        block.passed = (passes, encoded)
    return encoded
