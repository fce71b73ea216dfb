"""One spelling for the host of a request, so that it can be compared with the hosts of a configuration.

Layer 1, asked by `gateway.http1.framing` for Host and the authority of a target,
by `gateway.config` and `gateway.routing` for the hosts of routes.
"""

from __future__ import annotations

import re
from ipaddress import IPv6Address
from typing import Final

LONGEST: Final = 255

_PLAIN: Final = rb"[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9._])?"
# RFC 3986 section 3.2.2 allows more characters in a name than DNS does. The comma is left out: X-Forwarded-Host with a
# comma would be read as a list.
_NAME: Final = rb"(?![.-])(?:[A-Za-z0-9._~!$&'()*+;=-]|%(?!00)[0-9A-Fa-f]{2})+"
_HOST: Final = re.compile(
    rb"(?:%b|%b|\[(?P<address>[0-9A-Fa-f:.]{2,45})\])(?::[0-9]{1,5})?" % (_PLAIN, _NAME)
).fullmatch
_OF_DNS: Final = b"abcdefghijklmnopqrstuvwxyz0123456789._-:[]"
_LONGEST_NAME: Final = 253  # RFC 1035 section 2.3.4; without the final dot
_LONGEST_LABEL: Final = 63


def normal_host(value: bytes) -> bytes:
    """Return a host with an optional port in lower case, an IPv6 address as RFC 5952 writes it.

    Raises:
        ValueError: The value is not a host with an optional port (RFC 9110 section 7.2, RFC 3986 section 3.2.2).
    """
    found = _HOST(value) if len(value) <= LONGEST else None
    if found is None:
        raise ValueError("not a host name with an optional port")
    address = found["address"]
    if address is None:
        return value.lower()
    parsed = IPv6Address(address.decode())
    mapped = parsed.ipv4_mapped
    # RFC 5952 section 5: a mapped IPv4 address is written with dots. Python does so from 3.13 on.
    text = str(parsed) if mapped is None else f"::ffff:{mapped}"
    return b"[%b]%b" % (text.encode(), value[len(address) + 2 :])


def is_of_dns(host: bytes) -> bool:
    """Whether a host, in lower case, is an address or a name that DNS can have (RFC 1035 section 2.3.4), or empty.

    Servers may read other hosts differently: they decode `%61`, take `;` or `=` for the end of the name, or drop more
    than the one final dot of a full name.
    """
    if host.translate(None, _OF_DNS) or b".." in host or host.startswith(b"."):
        return False
    if len(host) <= _LONGEST_LABEL:
        return True
    name = host.partition(b":")[0].removesuffix(b".")
    return len(name) <= _LONGEST_NAME and max(map(len, name.split(b"."))) <= _LONGEST_LABEL


def bare_host(host: bytes) -> bytes:
    """Strip the port and the final dot from an authority; an IPv6 literal keeps its brackets."""
    name, colon, port = host.rpartition(b":")
    if colon and not port.endswith(b"]"):
        host = name
    return host[:-1] if host.endswith(b".") else host
