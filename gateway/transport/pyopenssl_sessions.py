"""What begins sessions of pyOpenSSL for the clients of a listener.

Made by `gateway.listening.certificates`. Apart from `gateway.transport.pyopenssl_session`, which is compiled and
inherits from nothing.

Tests: `tests/transport/test_tls.py::test_what_comes_a_byte_at_a_time`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from OpenSSL import SSL

from gateway.transport.client_hello import server_name
from gateway.transport.pyopenssl_session import PyOpenSSLSession
from gateway.transport.sessions import Begun, ServerSessions


class PyOpenSSLSessions(ServerSessions):
    """Begins sessions of pyOpenSSL, which chooses the certificate itself.

    Args:
        context: With what they begin.
        check: Raises an exception for a connection whose client may not come in, though OpenSSL lets it.
    """

    def __init__(self, context: SSL.Context, check: Callable[[SSL.Connection], None]) -> None:
        self._context = context
        self._check = check

    def begin(self, octets: bytes, protocol: Any) -> Begun | None:
        """See `ServerSessions.begin`."""
        if server_name(octets) is None:
            return None
        connection = SSL.Connection(self._context, None)
        connection.set_app_data(protocol)  # where callbacks look for it, as Twisted's protocol has it
        connection.set_accept_state()
        made = PyOpenSSLSession(connection)
        return Begun(made, made.incoming, made.outgoing)

    def verify(self, session: Any, now: float) -> None:
        """See `ServerSessions.verify`."""
        self._check(session.connection)

    def over(self, session: Any) -> None:
        """See `ServerSessions.over`: the connection of OpenSSL knows the protocol's, which knows it."""
        session.connection.set_app_data(None)
