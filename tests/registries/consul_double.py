"""Consul's health API as its documentation has it: blocking queries, their index, tags, data centres, ACL tokens.

No Consul server can be had where the tests run. What is told: `GET /v1/health/service/NAME` with `index` and `wait` is
held until the index of the service is greater, or the wait is over; `X-Consul-Index` is the index; entries have `Node`,
`Service` with `Weights`, and `Checks`.
"""

# mypy: allow-untyped-calls, disable-error-code="misc"

from __future__ import annotations

import json
import re
from typing import Any

from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET

from tests.registries.serving import Served


class ConsulDouble(Resource):
    """An agent that knows one service.

    Attributes:
        instances: By their address and port: passing, weight, tags.
        index: Of the last change.
        asked: The queries so far.
        token: That must be shown; empty for none.
        says: Answered in place of everything, where it is given.
    """

    isLeaf = True

    def __init__(self, reactor: Any, service: str = "users") -> None:
        super().__init__()
        self._reactor = reactor
        self._service = service
        self._waiting: list[tuple[Any, Any]] = []
        self.instances: dict[tuple[str, int], dict[str, Any]] = {}
        self.index = 10
        self.asked: list[dict[str, str]] = []
        self.token = ""
        self.says: bytes | None = None
        self.served = Served(self, reactor)

    def put(
        self, host: str, port: int, *, weight: int = 1, status: str = "passing", tags: tuple[str, ...] = ()
    ) -> None:
        """Register an instance, or register it anew."""
        self.instances[host, port] = {"weight": weight, "status": status, "tags": list(tags)}
        self.changed()

    def remove(self, host: str, port: int) -> None:
        """Deregister it."""
        del self.instances[host, port]
        self.changed()

    def changed(self, index: int | None = None) -> None:
        """There is a change: all who wait are answered; the index goes up, or to where it is told, backwards too."""
        self.index = self.index + 1 if index is None else index
        for request, timer in self._waiting:
            timer.cancel()
            self._answer(request)
        self._waiting.clear()

    def render_GET(self, request: Any) -> Any:  # Twisted's
        """Answer a query, now or later."""
        asked = {name.decode(): values[0].decode() for name, values in request.args.items()}
        self.asked.append(asked)
        if (request.getHeader("X-Consul-Token") or "") != self.token:
            request.setResponseCode(403)
            return b"Permission denied: token with AccessorID '' lacks permission 'service:read'"
        if request.path.decode() != f"/v1/health/service/{self._service}":
            request.setHeader("X-Consul-Index", str(self.index))
            return b"[]"
        if int(asked.get("index", "0")) < self.index:
            self._answer(request)
            return NOT_DONE_YET
        found = re.fullmatch(r"([0-9]+)(s|m|ms)", asked.get("wait", "5m"))
        assert found is not None, "Consul refuses such a wait"
        wait = float(found[1]) * {"ms": 0.001, "s": 1.0, "m": 60.0}[found[2]]
        held: list[tuple[Any, Any]] = []

        def over() -> None:
            self._waiting.remove(held[0])
            self._answer(request)

        held.append((request, self._reactor.callLater(wait, over)))
        self._waiting.append(held[0])
        request.notifyFinish().addErrback(lambda _: self._gone(held[0]))
        return NOT_DONE_YET

    def render_PUT(self, request: Any) -> bytes:  # Twisted's
        """Register a service with its agent, as instances do, or deregister it."""
        what = request.path.decode().removeprefix("/v1/agent/service/")
        if what == "register":
            said = json.loads(request.content.read())
            self.put(said["Address"], said["Port"], tags=tuple(said.get("Tags", ())))
        elif what.startswith("deregister/"):
            self.instances.clear()
            self.changed()
        return b""

    def _gone(self, held: tuple[Any, Any]) -> None:
        if held in self._waiting:
            self._waiting.remove(held)
            held[1].cancel()

    def _answer(self, request: Any) -> None:
        if request._disconnected:
            return
        request.setHeader("X-Consul-Index", str(self.index))
        request.setHeader("Content-Type", "application/json")
        asked = {name.decode(): values[0].decode() for name, values in request.args.items()}
        entries = [
            _entry(host, port, said, self._service)
            for (host, port), said in self.instances.items()
            if ("passing" not in asked or said["status"] == "passing") and asked.get("tag", "") in ["", *said["tags"]]
        ]
        request.write(json.dumps(entries).encode() if self.says is None else self.says)
        request.finish()


def _entry(host: str, port: int, said: dict[str, Any], service: str) -> dict[str, Any]:
    return {
        "Node": {"ID": "40e4a748", "Node": "node-1", "Address": "10.9.9.9", "Datacenter": "dc1", "Meta": {}},
        "Service": {
            "ID": f"{service}-{host}-{port}",
            "Service": service,
            "Tags": said["tags"],
            "Address": host,
            "Port": port,
            "Weights": {"Passing": said["weight"], "Warning": 1},
        },
        "Checks": [
            {"Node": "node-1", "CheckID": "serfHealth", "Status": "passing"},
            {"Node": "node-1", "CheckID": f"service:{service}", "Status": said["status"]},
        ],
    }
