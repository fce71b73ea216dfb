"""What routes with `transformations` have, and which of a client's fields no backend sees for it.

What makes their steps (`gateway.composition.builders.transforming`) is loaded with the first of these routes.

Tests: `tests/flow/test_transformations.py::test_fields_of_requests`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.composition.foundation import Foundation
from gateway.config import Settings
from gateway.config.callers import SHOWN, fields_of_callers
from gateway.config.schema.auth import Auth
from gateway.config.schema.routes import Route
from gateway.http.fields import folded

if TYPE_CHECKING:
    from gateway.middleware.transformation import Transformation
    from gateway.middleware.transformation_content import RequestContent

_ASK_FOR_PARTS = frozenset([b"range", b"if-range", b"accept-encoding"])
"""Not sent where answers are changed: these are whole, and in no coding that only their client knows."""

_NONE: frozenset[bytes] = frozenset()


def dropped_fields(route: Route) -> frozenset[bytes]:
    """Return the names of a client's fields that the filter of a route does not let pass.

    They are those that rules take out, rename or replace.
    """
    if route.transformations is None:
        return frozenset()
    from gateway.composition.builders.transforming import lower

    changes = route.transformations.request
    whole = _ASK_FOR_PARTS if route.transformations.response.body.any else _NONE
    return whole.union(*map(lower, (changes.remove_headers, changes.rename_headers, changes.set_headers)))


class Transformations:
    """Makes the steps of one configuration's routes.

    Args:
        settings: The configuration.
        foundation: Has the clocks.
    """

    def __init__(self, settings: Settings, foundation: Foundation) -> None:
        self._foundation = foundation
        # An authority may hand a backend a credential, too.
        self._told = frozenset(map(folded, fields_of_callers(settings.auth or Auth.unwritten()) | SHOWN))

    def content(self, route: Route | None) -> RequestContent | None:
        """Make the step that waits for contents which are changed, None where none is."""
        if route is None or route.transformations is None:
            return None
        from gateway.composition.builders.transforming import request_content

        return request_content(route)

    def step(self, route: Route | None) -> Transformation | None:
        """Make the step of a route, None where it changes nothing."""
        if route is None or route.transformations is None:
            return None
        from gateway.composition.builders.transforming import transformation

        return transformation(route, self._told, self._foundation)
