"""Who the client is, and the fields that tell the backend.

Layer 1, used by `gateway.listening` for the client's address and by
`gateway.upstream` for the fields of the forwarded request. Only what a trusted
proxy says about its client is believed (`trusted_proxies`); from anyone else
such fields are dropped, but for X-Forwarded-For, which is a record of all hops
and is continued.
"""

from __future__ import annotations

import itertools
import re
from bisect import bisect_right
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from socket import AF_INET, AF_INET6, inet_pton
from typing import Final

from gateway.headers import Headers
from gateway.http.remembered import remembered
from gateway.peer import Forwarding

_FOR: Final = b"x-forwarded-for"
_PROTO: Final = b"x-forwarded-proto"
_HOST: Final = b"x-forwarded-host"
_REAL_IP: Final = b"x-real-ip"
_FORWARDED: Final = b"forwarded"

# Further fields that proxies use. The gateway makes none of them; those of a trusted proxy are passed on.
_OTHERS: Final = tuple(
    b"x-forwarded-" + name
    for name in (b"by", b"path", b"port", b"prefix", b"protocol", b"scheme", b"server", b"ssl", b"uri")
)
_KEPT: Final = frozenset((_PROTO, _HOST, *_OTHERS))

_REMEMBERED: Final = 4096
_MAPPED: Final = bytes(10) + b"\xff\xff"  # RFC 4291 section 2.5.5.2: what follows is an IPv4 address
_LONGEST_ADDRESS: Final = 64  # enough for IPv6 with a zone and a port
_LONGEST_HOST: Final = 255  # of those that are remembered: what DNS allows
_HOST_HERE: Final = b"\0"
_is_plain_host: Final = re.compile(rb'[^"\\]+').fullmatch  # without the two characters that a quoted string escapes


def _spellings(name: bytes) -> Iterable[bytes]:
    """Yield a name with any of its hyphens as `_`: CGI and WSGI cannot tell them apart."""
    first, *rest = name.split(b"-")
    for hyphens in itertools.product((b"-", b"_"), repeat=len(rest)):
        yield first + b"".join(hyphen + part for hyphen, part in zip(hyphens, rest, strict=True))


DROPPED: Final = frozenset(spelling for name in (_FOR, _REAL_IP, _FORWARDED, *_KEPT) for spelling in _spellings(name))
"""Lower-case names of fields that are not copied from a client's request: `PeerForwarding.encode` writes them anew."""

BELIEVED: Final = frozenset((_REAL_IP, _FORWARDED, *_KEPT))
"""Those of them that come from trusted peers only. X-Forwarded-For is continued, whoever begins it."""


class NetworkSet:
    """Addresses and networks, asked about addresses in text form.

    Args:
        networks: `10.0.0.0/8`, `2001:db8::/32`, `192.0.2.1`. IPv4 addresses
            mapped into IPv6 are the IPv4 addresses that they stand for.
        sockets: Whether whoever has no address, having come by a UNIX socket, is among them.

    Raises:
        ValueError: One of them is neither an address nor a network.
    """

    def __init__(self, networks: Iterable[str], sockets: bool = False) -> None:
        self._known: dict[str, bool] = {}
        # The first and the last address of each network, as octets; by the length of an address (4 or 16). A network
        # within another one is left out, so both lists ascend and one bisection finds an address.
        self._firsts: dict[int, list[bytes]] = {4: [], 16: []}
        self._lasts: dict[int, list[bytes]] = {4: [], 16: []}
        for first, last in sorted(_span(text) for text in networks):
            lasts = self._lasts[len(first)]
            if not lasts or lasts[-1] < last:
                self._firsts[len(first)].append(first)
                lasts.append(last)
        self._sockets = sockets
        self._empty = not any(self._firsts.values()) and not sockets

    def __bool__(self) -> bool:
        return not self._empty

    def __contains__(self, address: object) -> bool:
        """Whether an address is in one of the networks; anything but the text of an address is not."""
        if self._empty or not isinstance(address, str):
            return False
        known = self._known.get(address)
        if known is None:
            known = self._looked_up(address)
            # Clients choose these texts: bound how many are remembered, and how long they are.
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            if len(address) <= _LONGEST_ADDRESS:
                self._known[address] = known
        return known

    def _looked_up(self, text: str) -> bool:
        """Look an address up that is not remembered: 0.3 to 1 us, among any number of networks."""
        address = _octets(text)
        if address is None:
            return self._sockets and not text
        place = bisect_right(self._firsts[len(address)], address)
        return place > 0 and address <= self._lasts[len(address)][place - 1]


def _span(text: str) -> tuple[bytes, bytes]:
    network = ip_network(text, strict=False)
    first, last = network.network_address.packed, network.broadcast_address.packed
    # A network whose first address has the prefix holds mapped addresses only; one that is shorter than the prefix
    # begins with zeros instead.
    return (first[12:], last[12:]) if first.startswith(_MAPPED) else (first, last)


def _octets(text: str) -> bytes | None:
    """Return an address as it goes over the wire; `ipaddress` takes ten times as long."""
    try:
        if ":" not in text:
            return inet_pton(AF_INET, text)
        address = inet_pton(AF_INET6, text)
    except (OSError, ValueError):
        parsed = _parsed(text)  # `inet_pton` does not take an address with a zone
        return None if parsed is None else parsed.packed
    return address[12:] if address.startswith(_MAPPED) else address


def _parsed(text: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address


class ForwardedRules:
    """What `trusted_proxies` and `forwarded` of the configuration say.

    Args:
        trusted: Peers that are believed.
        x_forwarded: Send X-Forwarded-For, -Proto and -Host.
        x_real_ip: Send X-Real-IP.
        via: Add to Via (RFC 9110 section 7.6.3).
        forwarded: Send Forwarded (RFC 7239).
    """

    __slots__ = ("forwarded", "trusted", "via", "x_forwarded", "x_real_ip")

    def __init__(
        self,
        trusted: NetworkSet,
        x_forwarded: bool = True,
        x_real_ip: bool = True,
        via: bool = True,
        forwarded: bool = False,
    ) -> None:
        self.trusted = trusted
        self.x_forwarded = x_forwarded
        self.x_real_ip = x_real_ip
        self.via = via
        self.forwarded = forwarded

    def for_peer(self, peer: str, scheme: bytes) -> PeerForwarding:
        """Prepare what is the same for all exchanges of one connection.

        Args:
            peer: Address of the socket's other end; empty where it has none (a UNIX socket).
            scheme: `b"http"` or `b"https"`, as the connection is.
        """
        return PeerForwarding(self, peer, scheme)


def _unforwarded(headers: Headers) -> bool:
    """Whether no field of a request is one of `DROPPED`; a `HeaderBlock` keeps the answer."""
    block = headers.block
    if block is None:
        return DROPPED.isdisjoint(headers.index)
    known = block.unforwarded
    if known is None:
        known = block.unforwarded = DROPPED.isdisjoint(block.index)
    return known


class PeerForwarding(Forwarding):
    """The rules, applied to one connection.

    Attributes:
        peer: Address of the socket's other end.
        trusted: Whether its forwarding fields are believed.
    """

    __slots__ = (
        "_around_host",
        "_around_host_2",
        "_host",
        "_lines_for_host",
        "_rules",
        "_scheme",
        "_version",
        "peer",
        "trusted",
    )

    def __init__(self, rules: ForwardedRules, peer: str, scheme: bytes) -> None:
        # On a socket that listens on `::`, IPv4 clients have mapped addresses: give a client one name on all sockets.
        self.peer = peer = peer.removeprefix("::ffff:") if "." in peer else peer
        self.trusted = peer in rules.trusted
        self._rules = rules
        self._scheme = scheme
        self._around_host = self._encoded(Headers(), _HOST_HERE, b"1.1").split(_HOST_HERE)
        self._around_host_2: list[bytes] = []  # made when somebody speaks HTTP/2
        # A client asks for one host again and again, in one version.
        self._host = self._version = self._lines_for_host = b""

    def client_address(self, headers: Headers) -> str:
        """Return the address of the client: the peer, or whom a trusted peer names.

        X-Forwarded-For is read from its end, past trusted addresses, to the
        first that is not. Empty elements are skipped (RFC 9110 section 5.6.1).
        An element that is not an address ends the walk: nobody who is trusted
        has vouched for what stands before it.
        """
        if not self.trusted:
            return self.peer
        listed = headers.joined(_FOR)
        if listed is None:
            return self.peer
        client = self.peer
        for item in reversed(listed.decode("latin-1").split(",")):
            item = item.strip()
            if not item:
                continue
            address = _address_of(item) if len(item) <= _LONGEST_ADDRESS else None
            if address is None:
                break
            client = address
            if address not in self._rules.trusted:
                break
        return client

    def scheme(self, headers: Headers) -> bytes:
        """Return the scheme that the client used, `b"http"` or `b"https"`."""
        if not self.trusted:
            return self._scheme
        # The last element of a list is the one that our trusted peer has written; empty elements do not count.
        said = (headers.joined(_PROTO) or b"").rstrip(b", \t").rpartition(b",")[2].strip().lower()
        return {b"http": b"http", b"https": b"https", b"ws": b"http", b"wss": b"https"}.get(said, self._scheme)

    def believed(self, headers: Headers) -> Headers:
        """Return the fields of a request without those that are not believed of this peer; itself where it has none."""
        if self.trusted or BELIEVED.isdisjoint(headers.index):
            return headers
        return Headers.of([field for field in headers.fields if field[0] not in BELIEVED])

    def encode(self, headers: Headers, host: bytes, version: bytes = b"1.1") -> bytes:
        """Return the forwarding fields of a request, each line ended by CRLF.

        Takes 0.2 us for a request without such fields, 4 to 7 us behind another proxy.

        Args:
            headers: The fields of the request as received.
            host: The request's authority; empty for none.
            version: HTTP version of the request as received, for Via.
        """
        if not _unforwarded(headers):
            return self._encoded(headers, host, version)
        if host and host == self._host and version == self._version:
            return self._lines_for_host
        lines = self._around(host, version)
        if len(host) <= _LONGEST_HOST:
            self._host, self._version, self._lines_for_host = host, version, lines
        return lines

    def _around(self, host: bytes, version: bytes) -> bytes:
        """Return the forwarding fields of a request that says nothing of it."""
        if _is_plain_host(host):
            if version == b"1.1":
                return host.join(self._around_host)
            if version == b"2":
                if not self._around_host_2:
                    self._around_host_2 = self._encoded(Headers(), _HOST_HERE, version).split(_HOST_HERE)
                return host.join(self._around_host_2)
        return self._encoded(Headers(), host, version)

    def _encoded(self, headers: Headers, host: bytes, version: bytes) -> bytes:
        return b"".join([b"%b: %b\r\n" % line for line in self._lines(headers, host, version)])

    def _lines(self, headers: Headers, host: bytes, version: bytes) -> list[tuple[bytes, bytes]]:
        rules, lines = self._rules, list[tuple[bytes, bytes]]()
        believed = headers if self.trusted else Headers()
        if rules.x_forwarded:
            # Leave empty fields out: ", peer" would be a hop without a name.
            hops = [hop for hop in headers.get_all(_FOR) if hop]
            # A trusted proxy at a UNIX socket has no address to be named by: what it says of its client stands last.
            if self.peer or not (self.trusted and hops):
                hops.append(self.peer.encode() or b"unknown")
            lines.append((b"X-Forwarded-For", b", ".join(hops)))
            lines.append((b"X-Forwarded-Proto", believed.joined(_PROTO) or self._scheme))
            said = believed.joined(_HOST) or host
            if said:
                lines.append((b"X-Forwarded-Host", said))
            kept: Iterable[bytes] = _OTHERS
        else:
            kept = (_FOR, *_KEPT)
        if believed.fields:
            lines += [(name, value) for lower, name, value in believed.fields if lower in kept]
        client = self.client_address(headers)
        if rules.x_real_ip and client:
            lines.append((b"X-Real-IP", client.encode()))
        elif not rules.x_real_ip:
            lines += [(b"X-Real-IP", value) for value in believed.get_all(_REAL_IP)]
        if rules.via:
            lines.append((b"Via", version + b" gateway"))
        elements = [element for element in believed.get_all(_FORWARDED) if element]
        if rules.forwarded:
            elements.append(self._element(host))
        if elements:
            lines.append((b"Forwarded", b", ".join(elements)))
        return lines

    def _element(self, host: bytes) -> bytes:
        """Return our element of Forwarded (RFC 7239 section 4): this hop as we saw it."""
        peer = _parsed(self.peer)
        node = b"unknown" if peer is None else str(peer).encode()
        if isinstance(peer, IPv6Address):
            node = b'"[%b]"' % node  # RFC 7239 section 6: brackets, and so quotes
        element = b"for=%b;proto=%b" % (node, self._scheme)
        if host:
            # Always quoted, since a host with a port, or an IPv6 address, is not a token.
            element += b';host="%b"' % host.replace(b"\\", b"\\\\").replace(b'"', b'\\"')
        return element


def _without_port(item: str) -> str | None:
    """Return the address in an element of X-Forwarded-For, without its port; None where the element has no address."""
    if item.startswith("["):
        item = item[1:].partition("]")[0]
    elif item.count(":") == 1:
        item = item.partition(":")[0]
    address = _parsed(item)
    return None if address is None else str(address)


_address_of: Final = remembered(_without_port, most=_REMEMBERED, longest=_LONGEST_ADDRESS)
