"""Names `gateway` to twistd, and the `sni:` endpoint to Twisted.

Read by every `twistd` on the machine that lists its plugins: it imports
nothing of ours and must install no reactor. There is no __init__.py beside
this file, and must not be: it would hide Twisted's own package.
"""

from __future__ import annotations

from typing import Any

from twisted.application.service import ServiceMaker
from twisted.internet.interfaces import IStreamServerEndpoint, IStreamServerEndpointStringParser
from twisted.plugin import IPlugin
from zope.interface import implementer


class _Gateway(ServiceMaker):
    """Names `gateway.tap`, and holds signals before it is imported: that takes longer than an operator may wait."""

    @property
    def options(self) -> Any:
        """See `IServiceMaker`; asked for once `twistd gateway` is what runs, and not by who only lists plugins."""
        from gateway import early

        early.hold()
        return super().options


gateway = _Gateway("gateway", "gateway.tap", "An HTTP gateway: routing, balancing, logs and metrics.", "gateway")


@implementer(IPlugin, IStreamServerEndpointStringParser)
class _SNIParser:
    """Parses `sni:8443:certificates=DIR`; see `gateway.listening.endpoint_parsers`."""

    prefix = "sni"

    def parseStreamServer(self, reactor: Any, *args: Any, **kwargs: Any) -> IStreamServerEndpoint:
        # Imported where it is used, for those who only list what there is.
        from gateway.listening.endpoint_parsers import parse_sni

        return parse_sni(reactor, *args, **kwargs)


sni = _SNIParser()
