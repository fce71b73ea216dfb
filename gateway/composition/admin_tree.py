"""What the admin port answers, hung together: what is asked for all the time now, the rest when somebody asks for it.

Tests: `tests/admin/test_resources.py::test_the_root_knows_what_each_thing_is`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from gateway.admin.exchanges import PREFIX, OneExchange
from gateway.admin.resources import AdminRoot, Leaf
from gateway.composition.assembly import Gateway
from gateway.composition.changes import Changes
from gateway.composition.configured import Configured
from gateway.composition.slices import Slices
from gateway.config import Settings
from gateway.config.effective import route_table

if TYPE_CHECKING:
    from gateway.composition.live import Live


def admin_root(gateway: Gateway, changes: Changes, configured: Configured, reactor: Any) -> AdminRoot:
    """Return the tree of the admin port.

    Args:
        gateway: What is shown.
        changes: Change its configuration.
        configured: Knows what that was made from.
        reactor: Turns between the slices of a long answer.
    """
    foundation = gateway.foundation
    whole = foundation.whole
    upstreams = gateway.figures.view if whole is None else whole.upstreams
    exchanges = foundation.failures.summaries if whole is None else whole.exchanges
    exchange = foundation.failures.find if whole is None else whole.exchange

    def settings() -> Settings:
        return gateway.root.tree.settings

    def others() -> dict[str, Leaf]:
        from gateway.admin.configuration import configuration_leaves  # large: few ask for more than metrics and health
        from gateway.admin.guard import Guard
        from gateway.admin.purges import purge_writes
        from gateway.admin.writes import auth_writes
        from gateway.composition.administration import Administration
        from gateway.composition.live_leaves import live_leaves

        guard = Guard(lambda: settings().admin.token.get_secret_value(), foundation.now)
        administration = Administration(changes, configured, settings, partial(Slices, reactor))
        leaves = configuration_leaves(guard, administration)
        if whole is not None:
            from gateway.admin.passing import passed_on  # with several processes only

            leaves = passed_on(leaves, whole.administer)
        return (
            live_leaves(gateway, reactor)
            | auth_writes(guard, lambda: gateway.root.tree.credentials)
            | purge_writes(guard, lambda: gateway.root.tree.caches)
            | leaves
        )

    def exposition(accept: bytes) -> tuple[bytes, bytes]:
        return foundation.metrics.exposition(accept, foundation.now())

    if whole is not None:
        whole.shows_live(looker(gateway))
    elif settings().admin.token.get_secret_value():
        # Somebody is going to change something: what that needs is loaded before requests would wait for it.
        from gateway.composition import administration  # noqa: F401
        from gateway.config import alone  # noqa: F401

    return AdminRoot(
        foundation.health,
        exposition if whole is None else whole.exposition,
        {"routes": lambda: route_table(settings()), "upstreams": upstreams, "exchanges": exchanges},
        others,
        lambda: settings().admin.hosts,
        {PREFIX: OneExchange(exchange)},
    )


def looker(gateway: Gateway) -> Callable[[], dict[str, Any]]:
    """Return what looks at this worker for the live page; what that needs is loaded with the first look."""
    made: list[Live] = []

    def look() -> dict[str, Any]:
        if not made:
            from gateway.composition.live import Live

            made.append(Live(gateway))
        return made[0].moment()

    return look
