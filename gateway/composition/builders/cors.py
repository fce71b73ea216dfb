"""Settings of `cors` into the step that lets pages of other origins call.

Tests: `tests/flow/test_cors.py::test_everybody`.
"""

from __future__ import annotations

from collections.abc import Sequence

from gateway.composition.builders.dry_run import cors_note
from gateway.composition.foundation import Foundation
from gateway.config.schema.routes import Route
from gateway.http.origins import Origins
from gateway.interfaces import Middleware
from gateway.middleware.cors import Cors, CorsDryRun
from gateway.middleware.grpc_web import REQUEST_FIELDS, RESPONSE_FIELDS

ALL = "*"


def cors_step(route: Route, foundation: Foundation) -> Middleware | None:
    """Make the step of a route; None where it has none."""
    if route.cors is None:
        return None
    said = route.cors
    # Whoever lets pages make calls need not know which fields their libraries send and read.
    fields, exposed = (REQUEST_FIELDS, RESPONSE_FIELDS) if route.grpc_web else ((), ())
    rules = Cors(
        None if ALL in said.allowed_origins else Origins(said.allowed_origins),
        _methods(said.allowed_methods, route.methods if route.aggregate is None else ("GET",)),
        None if ALL in said.allowed_headers else _with(said.allowed_headers, fields),
        said.exposed_headers if ALL in said.exposed_headers else _with(said.exposed_headers, exposed),
        said.allow_credentials,
        said.max_age,
        said.allow_private_network,
    )
    return CorsDryRun(rules, cors_note(foundation)) if said.dry_run else rules


def _with(listed: Sequence[str], more: Sequence[str]) -> Sequence[str]:
    known = {name.lower() for name in listed}
    return [*listed, *(name for name in more if name.lower() not in known)]


def _methods(allowed: Sequence[str], taken: Sequence[str] | None) -> Sequence[str] | None:
    """Return the methods that pages may use: what the route does not take is promised to nobody."""
    if taken is None:
        return None if ALL in allowed else allowed
    every = [*taken, "HEAD"] if "GET" in taken and "HEAD" not in taken else taken
    return [one for one in every if ALL in allowed or one in allowed]
