"""What `gateway run` serves where nothing is configured: a page that says what to do next.

No gateway runs: no request is proxied, nothing is ready or healthy, and the port is one of this machine's own
addresses. `gateway.tap` makes it for `--welcome` only, which `gateway run` says where it is given no configuration:
a file that is named and missing is an error (D-211).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.logger import Logger
from twisted.web.server import Request

from gateway import __version__
from gateway.admin.pages import Page
from gateway.admin.resources import Leaf, Tree
from gateway.admin.service import AdminListener
from gateway.config.overrides import PREFIX
from gateway.config.proxies import PORT, as_text
from gateway.config.schema.listeners import Admin
from gateway.listening.endpoints import ListenFailed, listen
from gateway.listening.listeners import OpenPort

_log = Logger(namespace="gateway")

HOST = "127.0.0.1"

FIRST = "8080=http://127.0.0.1:9001"
"""What somebody tries first."""

PAGE = Page(
    "The gateway runs, and nothing is configured",
    "It proxies nothing yet. What comes next (stop this one first, by Ctrl-C):",
    (
        ("In front of a server on port 9001, without a file", f"gateway run --proxy {FIRST}"),
        (
            "With a file: save this as gateway.yaml",
            as_text([FIRST]).partition("gateway.yaml`.\n")[2],
        ),
        (
            "then look what it says, and run it; what is saved later is in force a moment later",
            "gateway check gateway.yaml\ngateway run gateway.yaml",
        ),
        (
            "What else there is to write: every key for editors, and the routes as the gateway reads them",
            "gateway schema >gateway.schema.json\ngateway routes gateway.yaml",
        ),
    ),
    foot=f"Version {__version__}. docs/guides/coming-from.md has what users of nginx, Kong, Traefik and Envoy write.",
)


def is_wanted(environ: Mapping[str, str] = os.environ, pid: int | None = None) -> bool:
    """Whether somebody who names no configuration may be shown the page: not where that looks like a deployment.

    Args:
        environ: The environment. Overrides in it are of somebody who has configured something.
        pid: Of this process; 1 in a container, whose own loopback address nobody sees.
    """
    return (os.getpid() if pid is None else pid) != 1 and not any(name.upper().startswith(PREFIX) for name in environ)


class _Welcome(Leaf):
    def answer(self, request: Request) -> bytes:
        return PAGE.answer(request)


class WelcomeService(Service):
    """Serves the page on port 8080 of this machine, or on a free one where that is taken.

    Args:
        reactor: The real one.
        open_port: Opens the port of an endpoint string.
    """

    def __init__(self, reactor: Any, open_port: OpenPort = listen) -> None:
        self._listener = AdminListener(
            reactor, lambda: Tree({b"/": _Welcome()}), lambda: os.urandom(16).hex(), open_port
        )

    @property
    def url(self) -> str:
        """Return where the page is."""
        return f"http://{(self._listener.address or '').rpartition(' ')[2]}/"

    def startService(self) -> None:
        """Open the port, and say which it is."""
        super().startService()
        opened: Deferred[None] = ensureDeferred(self._open())
        opened.addErrback(lambda failure: _log.failure("The page cannot be shown", failure))

    def stopService(self) -> Deferred[None]:
        """Close the port."""
        super().stopService()
        return ensureDeferred(self._listener.close())

    async def _open(self) -> None:
        try:
            await self._listener.open(_at(PORT))
        except ListenFailed:
            await self._listener.open(_at(0))
        _log.info("Nothing is configured, and nothing is proxied: {url} says what to do next", url=self.url)
        for title, text in PAGE.blocks[:1]:
            _log.info("{title}: {text}", title=title, text=text)
        _log.info("With a file: gateway run gateway.yaml")


def _at(port: int) -> Admin:
    return Admin(endpoint=f"tcp:{port}:interface={HOST}")
