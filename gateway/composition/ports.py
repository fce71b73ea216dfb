"""All ports of a gateway, the admin listener's among them, as another process is to have their sockets.

Asked by `gateway.processes.upgrade`, for one process that takes over from another.
"""

from __future__ import annotations

from gateway.admin.service import AdminListener
from gateway.listening.endpoints import Listening
from gateway.listening.listeners import Listeners
from gateway.transport.inherited import Given


class Ports:
    """The ports.

    Args:
        listeners: Those of the listeners.
        admin: Has one more.

    Attributes:
        handed_over: Another process has the sockets.
    """

    def __init__(self, listeners: Listeners, admin: AdminListener) -> None:
        self._listeners = listeners
        self._admin = admin
        self.handed_over = False

    def sockets(self) -> list[Given]:
        """Describe the sockets."""
        return [given for listening in self._all() for given in listening.given()]

    def hand_over(self) -> None:
        """Another process serves at these sockets from now on: a stop leaves them and their files to it."""
        self.handed_over = True
        for listening in self._all():
            listening.let_go()

    def take_over(self) -> None:
        """Have the files of the sockets that this process was started with: the process before it lets go of them."""
        for listening in self._all():
            listening.take_over()

    def _all(self) -> list[Listening]:
        admin = self._admin.listening
        return self._listeners.open if admin is None else [*self._listeners.open, admin]
