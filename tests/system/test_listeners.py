"""Routes that are on one of two ports, with real sockets: a connection that is kept alive sees its route move."""

from __future__ import annotations

import http.client
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.system.gateway_process import running, until
from tests.system.ports import free_port


def test_a_route_moves_between_ports(tmp_path: Path) -> None:
    """On connections that stay open, also while the endpoint's string changes but not its address."""
    ports = {"public": free_port(), "internal": free_port()}

    def configuration(where: str, more: str = "") -> dict[str, Any]:
        return {
            "listeners": [
                {"name": name, "endpoint": f"tcp:{port}:interface=127.0.0.1{more}"} for name, port in ports.items()
            ],
            "routes": [
                {"path": "/admin", "respond": {"body": "admin"}, "listeners": [where]},
                {"path": "/on", "respond": {"body": f"{where}{more}"}},
            ],
        }

    with running(tmp_path, **configuration("internal")) as gateway:
        clients = {name: http.client.HTTPConnection("127.0.0.1", port) for name, port in ports.items()}

        def ask(name: str, path: str) -> tuple[int, bytes]:
            clients[name].request("GET", path)
            answer = clients[name].getresponse()
            return answer.status, answer.read()

        def in_force(where: str, more: str) -> Callable[[], bool]:
            return lambda: ask("public", "/on") == (200, f"{where}{more}".encode())

        ask("public", "/on")
        sockets = [client.sock for client in clients.values()]
        assert [ask(name, "/admin")[0] for name in ports] == [404, 200]
        for where, more in [("public", ""), ("public", ":backlog=7"), ("internal", ":backlog=7"), ("internal", "")]:
            gateway.configure(**configuration(where, more))
            gateway.signal(signal.SIGHUP)
            until(in_force(where, more), "the configuration did not come into force")
            assert [ask(name, "/admin")[0] == 200 for name in ports] == [where == "public", where == "internal"]
        assert clients["public"].sock is sockets[0], "the connection was closed"
        for client in clients.values():
            client.close()
