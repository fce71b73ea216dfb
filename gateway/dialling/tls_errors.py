"""What may be wrong with TLS towards a server, for all who dial, whether or not they use it.

Tests: `tests/dialling/test_tls.py::test_nonsense_for_an_authority_is_told`.
"""

from __future__ import annotations

from gateway.config.problems import ConfigError, Problem


class TLSSettingsError(ConfigError):
    """The `tls` block of an upstream cannot be used; the text says which file and why.

    Args:
        words: The text.
        key: Which of the block's keys says it; empty for the name of the server in a URL.
    """

    def __init__(self, words: str, key: str = "") -> None:
        super().__init__([Problem("", 0, 0, key, words)])


class HandshakeFailed(Exception):
    """The connection ended during the TLS handshake, without the peer saying why."""
