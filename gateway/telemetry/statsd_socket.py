"""A socket that datagrams leave by, and that never waits: UDP, or a UNIX socket."""

from __future__ import annotations

import socket
from typing import Any, Final

AGAIN: Final = 60.0
"""Seconds after which the name of the server is looked up anew."""


class DatagramSocket:
    """Sends datagrams to one address.

    Args:
        address: `host:port`, `[address]:port` or `unix:PATH`.
        reactor: Looks names up, on threads of its own, and has the time.
    """

    def __init__(self, address: str, reactor: Any) -> None:
        self._reactor = reactor
        self._socket: socket.socket | None = None
        self._known: Any = None
        self._name = ""
        self._looked_up = -AGAIN
        self._looking = False
        if address.startswith("unix:"):
            self._family, self._known = socket.AF_UNIX, address.removeprefix("unix:")
            return
        host, _, port = address.rpartition(":")
        self._port = int(port)
        self._family = socket.AF_INET6 if host.startswith("[") else socket.AF_INET
        host = host.strip("[]")
        try:
            socket.inet_pton(self._family, host)
        except OSError:
            self._name = host
        else:
            self._known = (host, self._port)

    def send(self, datagram: bytes) -> bool:
        """Send a datagram; returns whether the system has taken it."""
        if self._name:
            self._look_up()
        if self._known is None:
            return False
        try:
            if self._socket is None:
                self._socket = socket.socket(self._family, socket.SOCK_DGRAM)
                self._socket.setblocking(False)
            self._socket.sendto(datagram, self._known)
        except OSError:  # nobody listens at the path, no room, no network
            return False
        return True

    def close(self) -> None:
        """Let go of the socket."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _look_up(self) -> None:
        if self._looking or self._reactor.seconds() - self._looked_up < AGAIN:
            return
        self._looking = True
        self._reactor.resolve(self._name).addCallbacks(self._found, self._not_found)

    def _found(self, address: str) -> None:
        self._looking = False
        self._looked_up = self._reactor.seconds()
        self._known = (address, self._port)

    def _not_found(self, _: object) -> None:
        self._looking = False  # what was known before is used on; the next datagram asks again
