"""The part of Kubernetes' API server that EndpointSlices are read by: list in pages, watch, versions, bookmarks, 410.

No API server can be had where the tests run. What is told: objects have a `resourceVersion` of the whole store; a watch
gets every event after the version that it names; one that was compacted away is `410 Gone`, as the status or as an
event of type ERROR.
"""

# mypy: allow-untyped-calls, disable-error-code="misc"

from __future__ import annotations

import json
from typing import Any

from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET

from tests.registries.serving import Served

PATH = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices"


class KubernetesDouble(Resource):
    """An API server that knows the slices of one service.

    Attributes:
        slices: By name.
        version: Of the store.
        compacted: Versions below it are gone.
        gone_by_status: How that is told.
        asked: The queries so far.
        token: That must be shown.
        says: Answered in place of every list, where it is given.
        per_slice: Endpoints of one slice.
    """

    isLeaf = True

    def __init__(self, reactor: Any, service: str = "users") -> None:
        super().__init__()
        self._reactor = reactor
        self._service = service
        self._watching: list[Any] = []
        self._events: list[tuple[int, dict[str, Any]]] = []
        self._endpoints: dict[tuple[str, int], bool | None] = {}
        self.slices: dict[str, dict[str, Any]] = {}
        self.version = 100
        self.compacted = 0
        self.gone_by_status = False
        self.asked: list[dict[str, str]] = []
        self.token = "kube"
        self.says: bytes | None = None
        self.per_slice = 100
        self.served = Served(self, reactor)

    def put(self, host: str, port: int, ready: bool | None = True) -> None:
        """Have an endpoint."""
        self._endpoints[host, port] = ready
        self._reconcile()

    def remove(self, host: str, port: int) -> None:
        """Have it no more."""
        del self._endpoints[host, port]
        self._reconcile()

    def put_all(self, places: list[tuple[str, int]]) -> None:
        """Have many at once."""
        self._endpoints.update(dict.fromkeys(places, True))
        self._reconcile()

    def _reconcile(self) -> None:
        """Do as the controller does: slices of one port each, of so many endpoints."""
        by_port: dict[int, list[tuple[str, bool | None]]] = {}
        for (host, port), ready in sorted(self._endpoints.items()):
            by_port.setdefault(port, []).append((host, ready))
        wanted = {
            f"{self._service}-{port}-{start}": (port, some[start : start + self.per_slice])
            for port, some in by_port.items()
            for start in range(0, len(some), self.per_slice)
        }
        for name in [name for name in self.slices if name not in wanted]:
            self._emit("DELETED", self.slices.pop(name))
        for name, (port, some) in wanted.items():
            said = [
                {"addresses": [host], "conditions": {} if ready is None else {"ready": ready}} for host, ready in some
            ]
            before = self.slices.get(name)
            if before is None or before["endpoints"] != said:
                self.slices[name] = {
                    "metadata": {"name": name, "labels": {"kubernetes.io/service-name": self._service}},
                    "addressType": "IPv4",
                    "ports": [{"name": "http", "port": port, "protocol": "TCP"}],
                    "endpoints": said,
                }
                self._emit("ADDED" if before is None else "MODIFIED", self.slices[name])

    def _emit(self, kind: str, about: dict[str, Any]) -> None:
        self.version += 1
        about["metadata"]["resourceVersion"] = str(self.version)
        event = json.loads(json.dumps({"type": kind, "object": about}))
        self._events.append((self.version, event))
        for request in self._watching:
            request.write(json.dumps(event).encode() + b"\n")

    def bookmark(self) -> None:
        """Tell all who watch which version they have come to."""
        self.version += 1
        about = {"kind": "EndpointSlice", "metadata": {"resourceVersion": str(self.version)}}
        for request in self._watching:
            request.write(json.dumps({"type": "BOOKMARK", "object": about}).encode() + b"\n")

    def end_watches(self) -> None:
        """End them as at the end of `timeoutSeconds`."""
        for request in list(self._watching):
            request.finish()
        self._watching.clear()

    def compact(self) -> None:
        """Forget all events so far."""
        self.compacted = self.version
        self._events.clear()

    def render_GET(self, request: Any) -> Any:  # Twisted's
        """List, or watch."""
        asked = {name.decode(): values[0].decode() for name, values in request.args.items()}
        self.asked.append(asked)
        request.setHeader("Content-Type", "application/json")
        if request.getHeader("Authorization") != f"Bearer {self.token}":
            request.setResponseCode(401)
            return json.dumps({"kind": "Status", "code": 401, "reason": "Unauthorized"}).encode()
        if request.path.decode() != PATH or asked["labelSelector"] != f"kubernetes.io/service-name={self._service}":
            return json.dumps({"items": [], "metadata": {"resourceVersion": str(self.version)}}).encode()
        if asked.get("watch"):
            return self._watch(request, int(asked["resourceVersion"]))
        if self.says is not None:
            return self.says
        names, start, limit = sorted(self.slices), int(asked.get("continue", "0")), int(asked["limit"])
        metadata = {"resourceVersion": str(self.version)}
        if start + limit < len(names):
            metadata["continue"] = str(start + limit)
        items = [self.slices[name] for name in names[start : start + limit]]
        return json.dumps({"kind": "EndpointSliceList", "metadata": metadata, "items": items}).encode()

    def _watch(self, request: Any, version: int) -> Any:
        if version < self.compacted:
            status = {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old resource version"}
            if self.gone_by_status:
                request.setResponseCode(410)
                return json.dumps(status).encode()
            return json.dumps({"type": "ERROR", "object": status}).encode() + b"\n"
        request.write(b"")
        for at, event in self._events:
            if at > version:
                request.write(json.dumps(event).encode() + b"\n")
        self._watching.append(request)
        request.notifyFinish().addErrback(lambda _: self._gone(request))
        return NOT_DONE_YET

    def _gone(self, request: Any) -> None:
        if request in self._watching:
            self._watching.remove(request)
