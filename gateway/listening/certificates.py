"""The certificates of a listener: found in files, chosen by server name, read again on reload.

Built by `gateway.listening.endpoint_parsers` for the `sni:` endpoint. Every
file is read when the store is built and on `reload`, never during a
handshake; a reload that fails leaves what is in use.
"""

from __future__ import annotations

import os
import re
import ssl
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from enum import Enum
from hashlib import sha256
from pathlib import Path
from typing import Any, Generic, TypeVar

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from OpenSSL import SSL, crypto
from twisted.internet.interfaces import IOpenSSLServerConnectionCreator
from twisted.internet.ssl import CertificateOptions, TLSVersion
from zope.interface import implementer

from gateway.config.lent_files import lent
from gateway.config.regular import read_regular
from gateway.identity.certificate_lists import ListUnusable
from gateway.listening.certificate_error import CertificateError
from gateway.listening.client_lists import ClientLists, check_in_handshakes
from gateway.listening.hardening import harden, leave_weak_ciphers_out
from gateway.listening.refusals import keep_first, log_refusals, refuse_expired
from gateway.transport import pem
from gateway.transport.client_hello import server_name
from gateway.transport.pyopenssl_sessions import PyOpenSSLSessions
from gateway.transport.sessions import ServerSessions, Standard, file_of, say_that_it_is_slower, server_context

Context = TypeVar("Context")

# cryptography reads only the first key of a file. A key without an end reaches to the end of the file.
_PRIVATE_KEYS = re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*-----|\Z)", re.DOTALL)


MINIMUM = {"1.2": None, "1.3": TLSVersion.TLSv1_3}
"""Lowest TLS version by its name in the configuration; 1.2 is Twisted's own lowest."""


class ClientAuth(Enum):
    """What is asked of clients: no certificate, one if they have it, or one in any case."""

    NONE = "none"
    REQUEST = "request"
    REQUIRE = "require"


class Identity:
    """A private key, the certificate made for it, and the chain up to its root.

    Attributes:
        names: DNS names in the certificate, lower case; a wildcard starts with `*.`.
    """

    def __init__(self, leaf: x509.Certificate, key: Any, chain: Sequence[x509.Certificate]) -> None:
        self.leaf = leaf
        self.key = key
        self.chain = tuple(chain)
        self.names = dns_names(leaf)

    @property
    def certificates(self) -> tuple[x509.Certificate, ...]:
        """All that clients are shown, the key's own first."""
        return self.leaf, *self.chain


def shown_as(certificate: x509.Certificate) -> tuple[str, float]:
    """Give what a certificate is called in a metric (its first DNS name, else its subject), and when it ends (Unix)."""
    names = dns_names(certificate)
    return names[0] if names else certificate.subject.rfc4514_string(), _valid_until(certificate).timestamp()


def dns_names(certificate: x509.Certificate) -> tuple[str, ...]:
    """Give the DNS names that a certificate is for; the common name does not count (RFC 9525)."""
    try:
        alternatives = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    return tuple(name.lower() for name in alternatives.get_values_for_type(x509.DNSName))


def pem_blocks(path: Path) -> tuple[list[x509.Certificate], list[Any]]:
    """Read the certificates and private keys of one file, in their order.

    Raises:
        CertificateError: The file cannot be read, or a block of it not be understood.
    """
    try:
        content = read_regular(path)
    except OSError as error:
        raise CertificateError(f"cannot read {path}: {(error.strerror or str(error)).lower()}") from None
    try:
        certificates = pem.certificates(content)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise CertificateError(f"{path}: not a certificate: {_first_line(error)}") from None
    try:
        keys = [serialization.load_pem_private_key(key[0], password=None) for key in _PRIVATE_KEYS.finditer(content)]
    except TypeError:
        raise CertificateError(f"{path}: the private key is encrypted") from None
    except (ValueError, UnsupportedAlgorithm) as error:
        raise CertificateError(f"{path}: not a private key: {_first_line(error)}") from None
    return certificates, keys


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]


def read_identities(places: Iterable[Path]) -> list[Identity]:
    """Find every key with a certificate in files and directories, in their order.

    A key may stand beside its certificate or in a file of its own, as certbot
    writes them: what belongs together is told by the public key. Of several
    certificates for one key the one that is valid longest is taken.

    Raises:
        CertificateError: A file cannot be used, a key has no certificate, or there is no key at all.
    """
    certificates: list[x509.Certificate] = []
    keys: list[tuple[Path, Any]] = []
    for place in places:
        for path in _files(place):
            in_file, keys_in_file = pem_blocks(path)
            certificates.extend(in_file)
            keys.extend((path, key) for key in keys_in_file)
    certificates.sort(key=_valid_until)  # the one valid longest comes last, and stays
    by_key = {_public(each.public_key()): each for each in certificates}
    by_subject = {each.subject: each for each in certificates}
    identities: dict[bytes, Identity] = {}
    for path, key in keys:
        public = _public(key.public_key())
        if public not in by_key:
            raise CertificateError(f"{path}: no certificate belongs to this private key")
        identities.setdefault(public, Identity(by_key[public], key, tuple(_chain(by_key[public], by_subject))))
    if not identities:
        raise CertificateError("no private key in " + ", ".join(str(place) for place in places))
    return list(identities.values())


def _valid_until(certificate: x509.Certificate) -> datetime:
    return certificate.not_valid_after_utc


def _files(place: Path) -> list[Path]:
    closed = lent.below(place)
    if not closed and not os.path.isdir(place):  # noqa: PTH112 - of a directory that may not be entered Path raises
        return [place]
    listed = [path for path in place.rglob("*") if path.suffix in pem.SUFFIXES and path.is_file()]
    if not listed and not os.access(place, os.R_OK, effective_ids=True):
        return sorted(closed) or [place]  # who reads it is told that it may not be
    return sorted({*listed, *closed})


def _public(key: Any) -> bytes:
    encoded: bytes = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return encoded


def _chain(leaf: x509.Certificate, by_subject: Mapping[x509.Name, x509.Certificate]) -> Iterator[x509.Certificate]:
    """Follow the issuers; the root is left out, clients have it or do not trust it."""
    seen = {leaf.subject}
    while (issuer := by_subject.get(leaf.issuer)) is not None and issuer.subject not in seen:
        if issuer.subject == issuer.issuer:
            return
        seen.add(issuer.subject)
        yield issuer
        leaf = issuer


class ServerNames(Generic[Context]):
    """Contexts by the names in their certificates: the exact name before the wildcard, else the default."""

    def __init__(self, contexts: Sequence[tuple[Identity, Context]], default: str | None) -> None:
        self._by_name: dict[str, Context] = {}
        for identity, context in sorted(contexts, key=lambda pair: _valid_until(pair[0].leaf)):
            self._by_name.update(dict.fromkeys(identity.names, context))
        found = contexts[0][1] if default is None else self.find(default)
        if found is None:
            raise CertificateError(f"no certificate is for the default name {default!r}")
        self.default = found

    def find(self, name: str) -> Context | None:
        """Look a name up; a wildcard stands for one label (RFC 9525 section 6.3)."""
        name = name.lower().rstrip(".")
        exact = self._by_name.get(name)
        return exact if exact is not None else self._by_name.get("*." + name.partition(".")[2])


class ByName(ServerSessions):
    """Has `ssl` serve a client with the context of the name that it asks for."""

    def __init__(self, names: ServerNames[ssl.SSLContext]) -> None:
        self._names = names

    def context(self, octets: bytes) -> ssl.SSLContext | None:
        """See `ServerSessions.context`."""
        name = server_name(octets)
        if name is None:
            return None
        found = self._names.find(name.decode("ascii", "replace")) if name else None
        return self._names.default if found is None else found


@implementer(IOpenSSLServerConnectionCreator)
class CertificateStore(Standard):
    """Makes the TLS connections of a listener.

    Args:
        places: Files, and directories that are searched with all below them.
        default: The name whose certificate clients get that name no server, or one we do not have.
        minimum: Lowest TLS version, `1.2` or `1.3`.
        client_ca: File with the authorities that client certificates must come from.
        client_auth: What is asked of clients.
        alpn: Protocols offered, best first.
        lists: Which certificates of clients are revoked, as the configuration has it; None where nobody says.

    Attributes:
        shown: What clients may be shown, each by its name and its end (`shown_as`).

    Raises:
        CertificateError: The files cannot be used.
    """

    def __init__(
        self,
        places: Sequence[Path],
        *,
        default: str | None = None,
        minimum: str = "1.2",
        client_ca: Path | None = None,
        client_auth: ClientAuth = ClientAuth.NONE,
        alpn: Sequence[bytes] = (),
        lists: ClientLists | None = None,
    ) -> None:
        if minimum not in MINIMUM:
            raise CertificateError(f"minTLS: expected 1.2 or 1.3, found {minimum!r}")
        if (client_ca is None) != (client_auth is ClientAuth.NONE):
            raise CertificateError("clientCA and clientAuth=require or request go together")
        self._places = tuple(places)
        self._default = default
        self._minimum = MINIMUM[minimum]
        self._client_ca = client_ca
        self._client_auth = client_auth
        self._alpn = tuple(alpn)
        self._lists = lists
        self._seen = self._digest()
        self._names, self._creator, self.sessions, self.shown = self._read()

    def read_again(self) -> Callable[[], None]:
        """Read all files again, and change nothing yet; where they are as before, nothing is made anew.

        Returns:
            Puts them into force: new connections get what is in them, open ones keep what they have.

        Raises:
            CertificateError: Something is wrong with one of them.
        """
        seen = self._digest()  # before they are read: what is written in between is found at the next reload
        if seen == self._seen:
            return lambda: None
        fresh = self._read()

        def use() -> None:
            self._seen = seen
            self._names, self._creator, self.sessions, self.shown = fresh

        return use

    def _digest(self) -> bytes:
        """Return a digest of everything that contexts are made from."""
        files = [path for place in self._places for path in _files(place)]
        lists = self._lists if self._client_ca is not None else None
        if self._client_ca is not None:
            files.append(self._client_ca)
        found = sha256(repr(None if lists is None else (lists.files, lists.in_handshake)).encode())
        for path in (*files, *(lists.files if lists is not None else ())):
            try:
                content = sha256(read_regular(path)).digest()
            except OSError:
                content = b""  # told when it is read
            found.update(b"%b\0%b" % (os.fsencode(path), content))
        return found.digest()

    def serverConnectionForTLS(self, protocol: Any) -> SSL.Connection:
        """Make the connection object for a handshake; see `IOpenSSLServerConnectionCreator`."""
        connection: SSL.Connection = self._creator.serverConnectionForTLS(protocol)
        return connection

    def _read(
        self,
    ) -> tuple[ServerNames[SSL.Context], CertificateOptions, ServerSessions | None, list[tuple[str, float]]]:
        authorities = self._read_authorities()
        options = [(identity, self._options(identity, authorities)) for identity in read_identities(self._places)]
        finish = self._finisher(authorities)
        contexts = [(identity, finish(each)) for identity, each in options]
        names = ServerNames(contexts, self._default)
        creator = next(each for _, each in options if each.getContext() is names.default)

        def choose(connection: SSL.Connection) -> None:
            # pyOpenSSL swallows an exception from this callback, and the handshake goes on: none may be raised.
            asked = connection.get_servername()
            found = names.find(asked.decode("ascii", "replace")) if asked else None
            if found is not None and found is not names.default:
                keep_first(connection, names.default)
                connection.set_context(found)

        names.default.set_tlsext_servername_callback(choose)
        sessions = PyOpenSSLSessions(names.default, refuse_expired) if authorities else self._sessions(contexts)
        return names, creator, sessions, [shown_as(identity.leaf) for identity, _ in options]

    def _sessions(self, contexts: Sequence[tuple[Identity, SSL.Context]]) -> ByName | None:
        """Return what has `ssl` serve the clients; None where its OpenSSL cannot use one of the certificates."""
        try:
            made = [(each, server_context(like, each.key, each.certificates, self._alpn)) for each, like in contexts]
        except ssl.SSLError as error:
            say_that_it_is_slower(error)
            return None
        return ByName(ServerNames(made, self._default))

    def _finisher(self, authorities: list[x509.Certificate]) -> Callable[[CertificateOptions], SSL.Context]:
        """Return what makes a context of options; the lists of revoked certificates are read once for all of them."""
        try:
            lists = self._lists.read(authorities) if self._lists is not None and authorities else None
        except ListUnusable as error:
            raise CertificateError(str(error)) from None

        def finish(options: CertificateOptions) -> SSL.Context:
            context: SSL.Context = options.getContext()
            harden(context, self._alpn)
            leave_weak_ciphers_out(context)
            if self._client_ca is not None:
                # The names of the authorities tell a client with several certificates which one to send.
                with file_of(b"".join(each.public_bytes(serialization.Encoding.PEM) for each in authorities)) as path:
                    context.load_client_ca(os.fsencode(path))
                log_refusals(context)
            if lists is not None:
                check_in_handshakes(context, lists, authorities)
            return context

        return finish

    def _read_authorities(self) -> list[x509.Certificate]:
        if self._client_ca is None:
            return []
        certificates, _ = pem_blocks(self._client_ca)
        if not certificates:
            raise CertificateError(f"{self._client_ca}: no certificate in it")
        return certificates

    def _options(self, identity: Identity, authorities: list[x509.Certificate]) -> CertificateOptions:
        # Twisted hands these on to pyOpenSSL, which has come to prefer the objects of `cryptography`.
        leaf: Any = identity.leaf
        chain: Any = list(identity.chain)
        try:
            return CertificateOptions(
                privateKey=identity.key,
                certificate=leaf,
                extraCertChain=chain,
                raiseMinimumTo=self._minimum,
                verify=bool(authorities),
                caCerts=[crypto.X509.from_cryptography(each) for each in authorities] or None,
                requireCertificate=self._client_auth is ClientAuth.REQUIRE,
                # A client that comes back with a ticket saves us the signature. Each context has its own ticket keys:
                # a file that changes ends all tickets, so that no session goes on that it trusted before. A session has
                # only the client's own certificate: where those above it may be revoked, each handshake shows them all.
                enableSessionTickets=self._lists is None or not (self._lists.files and authorities),
            )
        except (SSL.Error, crypto.Error, ValueError, TypeError) as error:
            raise CertificateError(f"certificate for {', '.join(identity.names) or 'no name'}: {error}") from None
