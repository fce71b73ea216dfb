"""What may be wrong with TLS towards a server, for all who dial, whether or not they use it."""

from __future__ import annotations


class TLSSettingsError(Exception):
    """The `tls` block of an upstream cannot be used; the text says which file and why."""


class HandshakeFailed(Exception):
    """The connection ended during the TLS handshake, without the peer saying why."""
