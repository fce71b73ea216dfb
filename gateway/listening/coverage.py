"""Whether a connection is one for a host: what its client asked for in the handshake, and what it was shown.

Asked by `gateway.serving.http2_channel`, for each host that comes on a connection after another. A client of HTTP/2 may
ask for other hosts on a connection that it has, if the certificate covers them (RFC 9113 section 9.1.1); what is asked
of a server that this connection was not made for is answered with 421 (D-287).
"""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any

from cryptography import x509

from gateway.errors import Misdirected
from gateway.http.hosts import bare_host
from gateway.listening.certificates import dns_names
from gateway.peer import Peer


def expect_covered(peer: Peer, transport: Any, host: bytes) -> None:
    """See that a host may be asked for on a connection.

    Args:
        peer: The other end.
        transport: Of the connection, whose handshake is done where it is over TLS.
        host: In its one spelling.

    Raises:
        Misdirected: The connection is over TLS, for other hosts.
    """
    # Proxies ask for the hosts of many clients on connections that they have made as they like.
    if peer.secure and not getattr(peer.forwarding, "trusted", False) and not is_covered(transport, host):
        raise Misdirected(f"This connection is not for {bare_host(host).decode('latin-1')}.")


def is_covered(transport: Any, host: bytes) -> bool:
    """Whether a connection over TLS is for a host, in its one spelling."""
    name = bare_host(host)
    asked = asked_name(transport)
    if name == asked.lower().removesuffix(b"."):
        # Whatever certificate the client got for that: it has taken it.
        return True
    text = name.decode("latin-1").strip("[]")
    address = _address(text)
    if address is not None and not asked:
        # Who connects to an address cannot ask for it by name (RFC 6066 section 3).
        return True
    certificate = shown_certificate(transport)
    if certificate is None:
        return False
    return address in _addresses(certificate) if address is not None else _matches(text, dns_names(certificate))


def asked_name(transport: Any) -> bytes:
    """Return the name that a client has asked for in the handshake; empty for none."""
    get = getattr(transport.getHandle(), "get_servername", None)
    found: bytes | None = transport.asked_name if get is None else get()
    return found or b""


def shown_certificate(transport: Any) -> x509.Certificate | None:
    """Return the certificate that a client was shown."""
    handle = transport.getHandle()
    get = getattr(handle, "get_certificate", None)
    if get is None:
        return getattr(handle.context, "certificate", None)
    found = get()
    return None if found is None else found.to_cryptography()


def _addresses(certificate: x509.Certificate) -> list[Any]:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return found.get_values_for_type(x509.IPAddress)


def _matches(name: str, names: tuple[str, ...]) -> bool:
    """Whether a name is among those of a certificate; a wildcard stands for one label (RFC 9525 section 6.3)."""
    label, dot, rest = name.partition(".")
    return name in names or bool(label and dot and f"*.{rest}" in names)


def _address(text: str) -> Any:
    try:
        return ip_address(text)
    except ValueError:
        return None
