"""Which route would take a request, and why: asked of the routing tables in force, by the rules that requests meet.

For people, as `POST /live/route` of the admin port has it. Nothing is sent and nothing is counted. What steps of the
route would say (credentials, limits) is not asked.

Tests: `tests/admin/test_live_routes.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from gateway.errors import GatewayError
from gateway.headers import Headers
from gateway.http.forwarded import BELIEVED
from gateway.http.paths import normal_form
from gateway.message import Request
from gateway.routing.agreement import settle
from gateway.serving.tree import RouteLeaf, Tree, has, preflight


@dataclass
class Trial:
    """What became of a request.

    Attributes:
        route: The route that takes it; None where none does.
        params: Parameters of its path.
        path: The normal form, by which routes are found.
        forwarded: What a backend would be asked, where the route forwards it as it is.
        own: Whether the gateway answers the path itself.
        error: What it is answered, where it is refused.
        considered: A line for each route that was looked at.
        notes: What else decided.
    """

    route: RouteLeaf | None = None
    params: dict[str, str] = field(default_factory=dict)
    path: bytes = b""
    forwarded: bytes = b""
    own: bool = False
    error: GatewayError | None = None
    considered: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def tried(tree: Tree, request: Request) -> Trial:
    """Try a request of a client that is nobody's trusted proxy.

    Args:
        tree: The routes of a listener.
        request: Its head; its target may be changed.
    """
    trial = Trial()
    if tree.decides_by_forwarding and not BELIEVED.isdisjoint(request.headers.index):
        request.headers = Headers.of([one for one in request.headers.fields if one[0] not in BELIEVED])
        trial.notes.append("Fields that trusted proxies write are not believed of other clients: they were left out.")
    try:
        _try(tree, request, trial)
    except GatewayError as error:
        trial.error = error
    return trial


def _try(tree: Tree, request: Request, trial: Trial) -> None:
    if request.path in tree.own_paths:
        if tree.claimed is None or not has(tree.claimed, request):
            trial.own, trial.path = True, request.path
            return
        trial.notes.append("A route claims this path, which the gateway would else answer itself.")
    path = trial.path = request.path if request.path == b"*" else normal_form(request.path)
    trial.considered = tree.routes.explain(request.host, path, request.method, request.headers, request.query)
    match: Any = preflight(tree.routes, request, path) if tree.answers_preflights else None
    if match is not None:
        trial.notes.append("It is a preflight: the route of the method that it asks for answers it.")
    else:
        match = tree.routes.match(request.host, path, request.method, request.headers, request.query)
    settle(request, path, tree.routes, match, match.value.paths)
    trial.route, trial.params, trial.forwarded = match.value, dict(match.params or {}), request.target
