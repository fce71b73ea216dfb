"""The certificates of a PEM file, for listeners and for what we open."""

from __future__ import annotations

from cryptography import x509

SUFFIXES = frozenset({".pem", ".crt", ".cer", ".key"})
"""What names of files with certificates or keys end in."""

_BEGIN = b"-----BEGIN CERTIFICATE-----"


def certificates(content: bytes) -> list[x509.Certificate]:
    """Read all certificates of a file, in their order, whatever stands between them; none is an empty list.

    Raises:
        ValueError: One of them cannot be understood, or is cut short.
    """
    begun = content.count(_BEGIN)
    if not begun:
        return []
    found = x509.load_pem_x509_certificates(content)
    # cryptography passes over a block without an end, as the last one of a file that is being written.
    if len(found) < begun:
        raise ValueError("one is cut short")
    return found
