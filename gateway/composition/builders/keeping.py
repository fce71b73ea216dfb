"""Which routes keep answers, and in which form: asked where their steps are put in order.

Tests: `tests/flow/test_cache.py::test_an_answer_is_kept_once_for_each_coding`.
"""

from __future__ import annotations

from gateway.config.schema.routes import Route


def compresses_before_it_keeps(route: Route) -> bool:
    """Whether answers of a route are compressed before they are kept.

    Where body rules change them, they are changed for each client, and compressed after that.
    """
    return keeps(route) and (route.transformations is None or not route.transformations.response.body.any)


def keeps(route: Route) -> bool:
    """Whether answers of a route are kept; those that the gateway gives itself (`respond`, `redirect`) are not."""
    return route.cache is not None and (bool(route.upstream) or route.aggregate is not None)
