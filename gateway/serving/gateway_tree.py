"""The gateway's tree in a stock `twisted.web` site: an application mounts it beside its own pages.

Tests: `tests/serving/test_stock.py`.
"""

from __future__ import annotations

from typing import Any

from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET

from gateway.serving.contract import Host


class GatewayTree(Resource):
    """All routes of a gateway, as a resource.

    It may hang anywhere in an application's tree: routes see the whole path, as the client wrote it.

    Args:
        host: The gateway's site: `GatewayService.gateway.site`.
    """

    isLeaf = True

    def __init__(self, host: Host) -> None:
        super().__init__()
        self._host = host

    def render(self, request: Any) -> int:
        """Let the gateway answer."""
        from gateway.serving.stock import StockClient  # our own ports have no stock requests

        self._host.catch_up()
        StockClient(self._host, request).begin()
        return NOT_DONE_YET
