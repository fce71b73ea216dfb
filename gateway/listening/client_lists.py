"""Which lists of revoked certificates handshakes go by: what the configuration says, for the listeners.

Told by `gateway.composition.changes` before ports are opened and files read again; asked by
`gateway.listening.certificates` when it does so.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography import x509
from OpenSSL import SSL, crypto

from gateway.config.regular import read_regular
from gateway.config.schema.auth import Auth

if TYPE_CHECKING:
    from gateway.identity.certificate_lists import CertificateLists


class ClientLists:
    """What the configuration that is being put into force says of clients' certificates.

    Attributes:
        files: With the lists; empty for none.
        in_handshake: Whether a handshake goes by them; requests do in any case.
    """

    def __init__(self) -> None:
        self.files: tuple[Path, ...] = ()
        self.in_handshake = True

    def follow(self, auth: Auth | None) -> None:
        """Take what a configuration says; nothing is read yet."""
        mtls = None if auth is None else auth.mtls
        self.files = tuple(map(Path, () if mtls is None else mtls.crl))
        self.in_handshake = mtls is not None and mtls.revoked == "handshake"

    def read(self, authorities: Sequence[x509.Certificate]) -> CertificateLists | None:
        """Return the lists that the authorities of one listener have signed; None where handshakes go by none.

        Raises:
            ListUnusable: A file cannot be used.
        """
        if not self.files or not self.in_handshake:
            return None
        from gateway.identity.certificate_lists import CertificateLists  # loaded where there are lists

        found = [each for file in self.files for each in _read(file)]
        # Those of another listener's authorities are not for this one; `composition.builders.mtls` misses none.
        names = {each.subject for each in authorities}
        return CertificateLists([each for each in found if each.issuer in names], authorities)


def _read(file: Path) -> list[x509.CertificateRevocationList]:
    from gateway.identity.certificate_lists import ListUnusable, read_lists

    try:
        return read_lists(read_regular(file))
    except OSError as error:
        raise ListUnusable(f"cannot read {file}: {(error.strerror or str(error)).lower()}") from None
    except ListUnusable as error:
        raise ListUnusable(f"{file}: expected a list of revoked certificates, found {error}") from None


def check_in_handshakes(context: SSL.Context, lists: CertificateLists, authorities: Sequence[x509.Certificate]) -> None:
    """Have a context refuse what is revoked, with the alert that says so; see Note [What a list says, …] there.

    Args:
        context: Not used for a connection yet.
        lists: What is revoked.
        authorities: Whom the context trusts.
    """
    store = context.get_cert_store()
    assert store is not None  # a context that verifies has one
    for each in lists.of(authorities):
        store.add_crl(each)
    # OpenSSL knows no "where there is a list": above the client's own issuer it asks for all lists or for none. What it
    # does not ask for is found out when a request comes.
    flags = crypto.X509StoreFlags.CRL_CHECK
    if not lists.without():
        flags |= crypto.X509StoreFlags.CRL_CHECK_ALL
    store.set_flags(flags)
