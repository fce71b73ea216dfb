"""The `sni:` endpoint: TLS with several certificates, chosen by name, and client certificates.

    sni:8443:certificates=DIR_OR_FILES[:default=NAME][:minTLS=1.2][:clientCA=FILE][:clientAuth=require|request]
             [:interface=ADDRESS][:backlog=N]

Found by Twisted through `twisted/plugins/gateway_plugin.py`, so the string works wherever Twisted takes an endpoint.
Twisted's own `tls:` searches its directory again for every unknown name a
client cares to send, and never sees a renewed certificate; it knows no client
certificates either. A name of its own for mutual TLS is not needed: it is
`clientCA=` here.

Tests: `tests/listening/test_certificates.py`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ServerEndpoint, TCP6ServerEndpoint
from twisted.internet.interfaces import IListeningPort, IProtocolFactory, IStreamServerEndpoint
from zope.interface import implementer

from gateway.http.idn import to_ascii
from gateway.listening.certificate_error import CertificateError
from gateway.listening.certificates import CertificateStore, ClientAuth
from gateway.transport.port import TWISTED_BACKLOG
from gateway.transport.tls import over_tls


@implementer(IStreamServerEndpoint)
class SNIEndpoint:
    """A TCP endpoint whose connections speak TLS with the certificates of a store."""

    def __init__(self, reactor: Any, tcp: IStreamServerEndpoint, certificates: CertificateStore) -> None:
        self._reactor = reactor
        self._tcp = tcp
        self.certificates = certificates

    def listen(self, protocolFactory: IProtocolFactory) -> Deferred[IListeningPort]:  # noqa: N803  # the interface's
        """See `IStreamServerEndpoint.listen`."""
        listening: Deferred[IListeningPort] = self._tcp.listen(
            over_tls(self.certificates, protocolFactory, self._reactor, client=False)
        )
        return listening


def parse_sni(
    reactor: Any,
    port: str,
    certificates: str = "",
    default: str | None = None,
    minTLS: str = "1.2",  # noqa: N803  # as it stands in the string
    clientCA: str | None = None,  # noqa: N803
    clientAuth: str | None = None,  # noqa: N803
    interface: str = "",
    backlog: str = str(TWISTED_BACKLOG),
) -> SNIEndpoint:
    """Make the endpoint that an `sni:` string describes.

    Args:
        reactor: Listens. Where it has a list `certificate_stores`, the new store is added to it, to be reloaded.
        port: As in `tcp:`, like `interface` and `backlog`.
        certificates: A directory, or files and directories with commas between them.
        default: The name whose certificate is for clients that ask for none of ours; absent, the first one found.
        minTLS: `1.2` or `1.3`.
        clientCA: File with the authorities that client certificates must come from.
        clientAuth: `require` (the default with `clientCA`) or `request`.
        interface: Address to listen on.
        backlog: Connections that may wait to be accepted.

    Raises:
        CertificateError: The certificates cannot be used.
        ValueError: An argument is none of those it may be.
    """
    places = [Path(each.strip()) for each in certificates.split(",") if each.strip()]
    if not places:
        raise CertificateError("certificates=: expected a directory or files")
    try:
        auth = ClientAuth(clientAuth or ("none" if clientCA is None else "require"))
    except ValueError:
        raise ValueError(f"clientAuth: expected require or request, found {clientAuth!r}") from None
    try:
        default = None if default is None else to_ascii(default)
    except UnicodeError as error:
        raise ValueError(f"default: expected a host name, found {default!r}: {error}") from None
    store = CertificateStore(
        places,
        default=default,
        minimum=minTLS,
        client_ca=None if clientCA is None else Path(clientCA),
        client_auth=auth,
        alpn=getattr(reactor, "alpn", ()),
        lists=getattr(reactor, "client_lists", None),
    )
    getattr(reactor, "certificate_stores", []).append(store)
    make = TCP6ServerEndpoint if ":" in interface else TCP4ServerEndpoint
    return SNIEndpoint(reactor, make(reactor, int(port), int(backlog), interface), store)
