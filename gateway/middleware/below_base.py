r"""Refuse paths that could lead above the base path of a backend.

Stands on routes to backends whose URL has a path (`http://shop.internal/v2`) only. A client that asks for
`/../admin` would otherwise have the backend asked for `/v2/../admin`, which it may read as `/admin`.

# Note [Above the base]
Servers read paths in many ways (Note [Readings] in `gateway.http.readings`), and not all of them are asked about on a
route. Here it need not be known which path a server reads, only that none of them is above the base. So every
step is taken for what is worse: a segment of dots leads upwards however it is written (`%2e`, `..;x`, escaped twice,
behind an escaped slash or a `\`, in UTF-8 that is longer than it may be, of full width), and a segment leads downwards
only where every server reads one. Where that sum ever falls below zero the path is refused. A few harmless paths are
refused too, as `/a%2F../b`; who writes them means no good.
"""

from __future__ import annotations

import re
from urllib.parse import unquote_to_bytes

from gateway.errors import RequestAmbiguous, RouteNotFound
from gateway.exchange import Exchange

_MAY_CLIMB = re.compile(rb"\.\.|%").search
_PARTS = re.compile(rb"[/\\]").split
_SEPARATORS = (re.compile(rb"/").split, re.compile(rb"\\").split, _PARTS)
"""What servers take for the end of a segment."""
_ENDS_NAME = re.compile(rb"[;?#\x00-\x20]").split
_ODD = re.compile(
    rb"(?:\xc0|\xe0\x80|\xf0\x80\x80)([\xae\xaf])|(?:\xc1|\xe0\x81|\xf0\x80\x81)(\x9c)|\xef\xbc([\x8e\x8f\xbc])"
).sub
"""Dots and slashes in UTF-8 that is longer than it may be, and of full width: some servers take them for plain ones."""

_PLAIN = {b"\xae": b".", b"\x8e": b".", b"\xaf": b"/", b"\x8f": b"/", b"\x9c": b"\\", b"\xbc": b"\\"}

_MOST_ESCAPES = 4
"""How many times an escape may have been escaped; no server decodes so often."""


class BelowBase:
    """Let only such paths pass as stay below a base path by every reading."""

    __slots__ = ()

    name = "below_base"

    def on_request(self, exchange: Exchange) -> None:
        """Refuse what could lead above.

        Raises:
            RequestAmbiguous: The path could.
            RouteNotFound: `OPTIONS *` asks about a whole server, of which the base is a part.
        """
        path = exchange.request.target.partition(b"?")[0]
        if path == b"*":
            raise RouteNotFound()
        if _MAY_CLIMB(path) and climbs(path):
            raise RequestAmbiguous()


def climbs(path: bytes) -> bool:
    """Whether some server could read a path as one that leads above where it begins."""
    depth = 0
    for segment in path.split(b"/"):
        depth += _step(segment)
        if depth < 0:
            return True
    return False


def leaves(segment: bytes) -> bool:
    """Whether some server could read a text, put into a segment of a path, as one that leads out of that segment.

    Another question than that of `climbs`: `a%2F..%2Fb` leads nowhere else, however many of its slashes a server reads.
    """
    for _ in range(_MOST_ESCAPES):
        plain = _ODD(_plain, segment)
        for parts in _SEPARATORS:
            depth = 0
            for part in parts(plain):
                name = _ENDS_NAME(part)[0]
                depth += -1 if name == b".." else int(name not in (b"", b"."))
                if depth < 0:
                    return True
        if b"%" not in segment:
            return False
        decoded = unquote_to_bytes(segment)
        if decoded == segment:
            return False
        segment = decoded
    return b"." in segment


def _step(segment: bytes) -> int:
    """Say by how much a segment leads downwards, at least: 1, 0, or less where it leads upwards."""
    for _ in range(_MOST_ESCAPES):
        decoded = unquote_to_bytes(segment) if b"%" in segment else segment
        if decoded == segment:
            break
        segment = decoded
    else:
        return -1 if b"." in segment else 0  # escaped so often that nobody means anything good
    segment = _ODD(_plain, segment)
    names = [_ENDS_NAME(part)[0] for part in _PARTS(segment)]
    upwards = names.count(b"..")
    return -upwards if upwards else int(any(name not in (b"", b".") for name in names))


def _plain(found: re.Match[bytes]) -> bytes:
    return _PLAIN[found[1] or found[2] or found[3]]
