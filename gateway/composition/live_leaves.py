"""The leaves of the live page: its files, and what it asks for. Loaded when somebody asks for something beyond metrics.

Tests: `tests/admin/test_live.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gateway.admin.feeds import Events, Feeds
from gateway.admin.live import Explainer, Part, Shown, Tester
from gateway.admin.page_files import PageFiles
from gateway.admin.resources import Leaf
from gateway.composition.assembly import Gateway
from gateway.composition.live_limits import LiveLimits
from gateway.composition.live_request import LiveRequest
from gateway.composition.live_routes import LiveRoutes

if TYPE_CHECKING:
    from twisted.internet.defer import Deferred

    from gateway.composition.live import Live, LiveOfAll


def live_leaves(gateway: Gateway, reactor: Any) -> dict[str, Leaf]:
    """Return the leaves by path.

    Args:
        gateway: What is shown.
        reactor: Keeps time.
    """
    whole = gateway.foundation.whole
    made: list[Live | LiveOfAll] = []

    def look() -> Events | Deferred[Events]:
        if not made:
            from gateway.composition.live import Live, LiveOfAll

            made.append(Live(gateway) if whole is None else LiveOfAll(whole.live))
        return made[0].events()

    routes = LiveRoutes(lambda: gateway.root.tree, reactor)
    return {
        "ui/": PageFiles(),
        "live/events": Feeds(look, reactor),
        "live/limits": Shown("limits and who is near them", LiveLimits(gateway).view),
        "live/routes": Part("routes with the steps of their chains, by ?search=&from=&most=", routes.part),
        "live/route": Tester(routes.attempt),
        "live/explain": Explainer(LiveRequest(gateway).foresee),
    }
