"""What is wrong with a certificate or key, for whoever opens a port, whether or not it speaks TLS."""

from __future__ import annotations


class CertificateError(Exception):
    """Files of certificates or keys cannot be used; the words say which and why."""
