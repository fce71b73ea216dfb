"""Proxies with many routes of which one can be changed while they run, each in its own way."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
from pathlib import Path
from typing import Any, Protocol

from benchmarks.peers import find
from benchmarks.processes import Command
from benchmarks.proxies.base import Proxy
from benchmarks.proxies.caddy import CONFIGURATION, Caddy
from benchmarks.proxies.envoy import Envoy
from benchmarks.proxies.gateway import Gateway, configuration
from benchmarks.workload import Task, route_path

TOKEN = "a-token-for-the-benchmark-alone"  # noqa: S105 - of a gateway that is gone in a minute

CHANGED = "/api/changed-{version}/"
"""What one of the routes is for; another after each change."""


def paths(routes: int, version: int) -> list[str]:
    """Return the prefixes of the routes: that of the last is the one that changes."""
    return [*map(route_path, range(routes - 1)), CHANGED.format(version=version)]


class Changing(Proxy, Protocol):
    """A proxy whose configuration is written again while it runs."""

    def change(self, task: Task, version: int) -> None:
        """Have one route changed; returns when that was asked for."""


def replace(path: Path, text: str) -> None:
    """Write a file in one step."""
    beside = path.with_suffix(".new")
    beside.write_text(text)
    beside.rename(path)


class ChangingGateway(Gateway):
    """The gateway, which watches its file.

    Args:
        name: In the table.
        checkout: As for `Gateway`.
    """

    def __init__(self, name: str, checkout: Path) -> None:
        super().__init__(name, checkout)
        self.does = "as gateway; the file is replaced, and watched"

    def configuration(self, task: Task, version: int = 0) -> dict[str, Any]:
        """Name the last route's path by the version."""
        plain = configuration(task)
        named = zip(plain["routes"], paths(task.routes, version), strict=True)
        return {**plain, "routes": [{**route, "path": f"{path}*"} for route, path in named]}

    def change(self, task: Task, version: int) -> None:
        """Replace the file."""
        replace(task.directory / "gateway.json", json.dumps(self.configuration(task, version), indent=1))


class ChangingGatewayByAPI(ChangingGateway):
    """The gateway, which is told by its admin port of the one route.

    Args:
        name: In the table.
        checkout: As for `Gateway`.
    """

    def __init__(self, name: str, checkout: Path) -> None:
        super().__init__(f"{name}+api", checkout)
        self.does = "as gateway; PUT /config/routes/NAME, kept in admin.overlay"

    def configuration(self, task: Task, version: int = 0) -> dict[str, Any]:
        """Let the admin port change it, and keep that."""
        plain = super().configuration(task, version)
        return {**plain, "admin": {**plain["admin"], "token": TOKEN, "overlay": str(task.directory / "overlay")}}

    def change(self, task: Task, version: int) -> None:
        """Put the last route; returns when it is in force.

        Raises:
            RuntimeError: It is refused.
        """
        route = self.configuration(task, version)["routes"][-1]
        client = http.client.HTTPConnection("127.0.0.1", task.admin_port, timeout=120)
        fields = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
        try:
            client.request("PUT", f"/config/routes/{route['name']}", json.dumps(route), fields)
            answer = client.getresponse()
            said = answer.read()
        finally:
            client.close()
        if answer.status != 200:
            raise RuntimeError(f"{self.name}: {answer.status} {said.decode(errors='replace')}")


class ChangingEnvoy(Envoy):
    """Envoy, whose routes are discovered in a file (RDS)."""

    does = f"{Envoy.does}; routes from a file that is replaced"

    def can(self, task: Task) -> bool:
        """Many routes, too."""
        return True

    def configuration(self, task: Task) -> dict[str, Any]:
        """Have the routes in a file of their own."""
        made = super().configuration(task)
        (listener,) = made["static_resources"]["listeners"]
        manager = listener["filter_chains"][0]["filters"][0]["typed_config"]
        del manager["route_config"]
        source = {"path_config_source": {"path": str(task.directory / "routes.json")}, "resource_api_version": "V3"}
        manager["rds"] = {"route_config_name": "routes", "config_source": source}
        return {**made, "node": {"id": "one", "cluster": "one"}}

    def prepare(self, task: Task) -> Command:
        """Write the routes first."""
        self.change(task, 0)
        return super().prepare(task)

    def change(self, task: Task, version: int) -> None:
        """Replace the file of routes."""
        routes = [{"match": {"prefix": path}, "route": {"cluster": "users"}} for path in paths(task.routes, version)]
        resource = {
            "@type": "type.googleapis.com/envoy.config.route.v3.RouteConfiguration",
            "name": "routes",
            "virtual_hosts": [{"name": "any", "domains": ["*"], "routes": routes}],
        }
        text = json.dumps({"version_info": str(version), "resources": [resource]})
        replace(task.directory / "routes.json", text)


class ChangingCaddy(Caddy):
    """Caddy, which is told by `caddy reload`."""

    does = f"{Caddy.does}; `caddy reload`"

    def can(self, task: Task) -> bool:
        """Many routes, too."""
        return True

    def prepare(self, task: Task) -> Command:
        """Write a `Caddyfile` with an admin port."""
        command = super().prepare(task)
        (task.directory / "Caddyfile").write_text(self._text(task, 0))
        return command

    def change(self, task: Task, version: int) -> None:
        """Write the file again, and say so; returns when it is loaded."""
        path = task.directory / "Caddyfile"
        replace(path, self._text(task, version))
        address = f"127.0.0.1:{task.admin_port}"
        argv = [
            find("caddy") or "caddy",
            "reload",
            "--adapter",
            "caddyfile",
            "--config",
            str(path),
            "--address",
            address,
        ]
        home = str(task.directory)
        environ = {**os.environ, "HOME": home, "XDG_DATA_HOME": home, "XDG_CONFIG_HOME": home}
        subprocess.run(argv, env=environ, check=True, capture_output=True, timeout=120)

    def _text(self, task: Task, version: int) -> str:
        head, _, one = CONFIGURATION.partition("  handle {prefix}* {{")
        one = "  handle {prefix}* {{" + one.rstrip().removesuffix("}}")
        values = {
            "site": f"http://:{task.port}",
            "protocols": "h1 h2",
            "versions": "",
            "tls": "",
            "log": task.access_log,
            "backend": task.backend_port,
        }
        routes = [one.format(prefix=path, **values) for path in paths(task.routes, version)]
        return "\n".join([head.format(**values), *routes, "}"]).replace(
            "admin off", f"admin 127.0.0.1:{task.admin_port}"
        )
