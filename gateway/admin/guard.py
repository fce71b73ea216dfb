"""Who may change something over the admin port: who shows `admin.token`, is no page of another origin, and guesses not.

Note [Guesses are counted before they are compared]

An address that has shown `BURST` wrong tokens is answered 429 without a look at what it shows, then is looked at once
in `SECONDS`: a right one among many guesses would tell. Behind a port-forward all callers have one address, and whoever
guesses there makes the operator wait too, for that long. A token that was not shown is no guess.
"""

from __future__ import annotations

import hmac
import time
from collections import OrderedDict
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address
from math import ceil

from twisted.web.server import Request

from gateway.errors import CredentialInvalid, CredentialMissing, Forbidden, LimitExceeded

BURST = 10
"""Wrong tokens that an address may show at once."""
SECONDS = 6.0
"""After how long it may show another one."""
ADDRESSES = 4096
"""Addresses that are remembered; of more, the one that failed longest ago is forgotten."""

_CHALLENGE = b'Bearer realm="admin"'
_DEFAULT_PORTS = {"http": "80", "https": "443"}


class Guesses:
    """Counts wrong tokens by address.

    Args:
        now: Monotonic seconds.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._free: OrderedDict[str, float] = OrderedDict()

    def wait(self, address: str) -> int:
        """Return how many seconds an address has to wait; 0 where it need not.

        What is kept for an address is the moment at which all its guesses are forgotten.
        """
        left = self._free.get(address, 0.0) - self._now() - (BURST - 1) * SECONDS
        return max(0, ceil(left))

    def failed(self, address: str) -> None:
        """Count one."""
        now = self._now()
        self._free[address] = max(self._free.get(address, 0.0), now) + SECONDS
        self._free.move_to_end(address)
        if len(self._free) > ADDRESSES:
            self._free.popitem(last=False)


class Guard:
    """Lets those in who may change something.

    Args:
        token: The `admin.token` of the configuration in force; empty refuses everybody.
        now: Monotonic seconds.
    """

    def __init__(self, token: Callable[[], str], now: Callable[[], float] = time.monotonic) -> None:
        self._token = token
        self._guesses = Guesses(now)
        self._told = Guesses(now)

    def check(self, request: Request) -> None:
        """Refuse whoever may not.

        Raises:
            Forbidden: The request comes from a page of another origin, or nobody may.
            CredentialMissing: It shows no token.
            CredentialInvalid: It shows another one.
            LimitExceeded: Its address has shown too many.
        """
        if is_foreign(request):
            raise Forbidden("A page of another origin may change nothing, whatever token it shows.")
        token = self._token()
        if not token:
            raise Forbidden("Writes are refused: the configuration has no admin.token.")
        shown = request.requestHeaders.getRawHeaders(b"authorization") or []
        if not shown:
            raise CredentialMissing(headers=((b"WWW-Authenticate", _CHALLENGE),))
        address = bounded(caller(request))
        wait = self._guesses.wait(address)
        if wait:
            raise LimitExceeded(
                "Too many wrong tokens came from this address.", headers=((b"Retry-After", b"%d" % wait),)
            )
        if not self.has_token(request):
            self._guesses.failed(address)
            raise CredentialInvalid(headers=((b"WWW-Authenticate", _CHALLENGE + b', error="invalid_token"'),))

    def tells(self, request: Request) -> bool:
        """Whether to leave a record of a refusal: of an address as many as it may guess, for the log's sake."""
        address = bounded(caller(request))
        if self._told.wait(address):
            return False
        self._told.failed(address)
        return True

    def has_token(self, request: Request) -> bool:
        """Whether a request shows the token, and nothing beside it."""
        token = self._token()
        shown = request.requestHeaders.getRawHeaders(b"authorization") or []
        if not token or len(shown) != 1:
            return False
        scheme, _, value = shown[0].partition(b" ")
        # Compared in the same time wherever the first difference is: the time tells nothing about the token.
        same = hmac.compare_digest(value.strip(b" "), token.encode())
        return scheme.lower() == b"bearer" and same

    def admits(self, request: Request) -> bool:
        """Whether a request would be let in; asked before its content is there, and counts nothing."""
        address = bounded(caller(request))
        return not is_foreign(request) and not self._guesses.wait(address) and self.has_token(request)


def caller(request: Request) -> str:
    """Return the address that a request comes from; `unix` for a socket in the file system."""
    host = getattr(request.getClientAddress(), "host", None)
    return host if isinstance(host, str) else "unix"


def bounded(address: str) -> str:
    """Return what stands for an address: of IPv6 the network, since who has one has 2**64 of them."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if not isinstance(parsed, IPv6Address) or parsed.ipv4_mapped is not None:
        return address
    return str(IPv6Address(int(parsed) >> 64 << 64))


def is_foreign(request: Request) -> bool:
    """Whether a page of another origin sent the request: its `Origin` names another host or port than its `Host`."""
    fields = request.requestHeaders
    origins = fields.getRawHeaders(b"origin") or []
    hosts = fields.getRawHeaders(b"host") or []
    if not origins:
        return (fields.getRawHeaders(b"sec-fetch-site") or [b""])[-1] in (b"cross-site", b"same-site")
    scheme, _, origin = origins[0].decode("latin-1").lower().partition("://")
    own = hosts[0].decode("latin-1").lower() if len(hosts) == 1 else ""
    port = ":" + _DEFAULT_PORTS.get(scheme, "")
    return len(origins) != 1 or not own or origin.removesuffix(port) != own.removesuffix(port)
