"""An operator who changes a gateway in every way there is, and looks each time whether the change is in force."""

from __future__ import annotations

import json
import signal
import socket
import ssl
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import requests

from tests.pki import Authority
from tests.system.gateway_process import GatewayProcess, until
from tests.system.ports import free_port

TOKEN = "change-me-change-me-change-me-change-me"
SOON = 60.0
"""Seconds within which a change is in force, on a machine that has much else to do."""


class Operator:
    """Changes a gateway that is configured by him.

    Args:
        gateway: A gateway that was not started yet.
        backends: URLs of its backends.

    Attributes:
        done: How often he has made a change of each kind.
        tls_port: Where clients come by TLS.
        trusted: Who has issued the certificate that they see.
    """

    def __init__(self, gateway: GatewayProcess, backends: Sequence[str]) -> None:
        self.done: Counter[str] = Counter()
        self.tls_port = free_port()
        self._gateway = gateway
        self._backends = backends
        self._number = 0
        self._more: list[dict[str, Any]] = []
        self._third = free_port()
        self._at = gateway.directory
        self._authority = Authority()
        self.trusted = ssl.create_default_context(cafile=str(self._authority.write(self._at / "ca.pem")))
        self._admin = requests.Session()
        self._admin.headers["Authorization"] = f"Bearer {TOKEN}"
        self._authority.write_identity(self._at / "cert.pem", "localhost")
        (self._at / "text").write_text("0")
        self._write_members(backends)
        self._configure()

    @property
    def changes(self) -> int:
        """How many changes he has made."""
        return self.done.total()

    @property
    def quick(self) -> list[Callable[[], None]]:
        """Changes that are in force when they are answered, or soon after a signal."""
        return [
            self.configures_and_signals,
            self.puts_a_route,
            self.puts_an_upstream,
            self.puts_a_limit,
            self.opens_a_port,
            self.puts_a_plugin,
            self.deletes_a_route,
            self.deletes_an_upstream,
            self.deletes_a_limit,
            self.closes_a_port,
            self.deletes_a_plugin,
            self.replaces_all,
            self.goes_back,
            self.returns_to_the_files,
            self.is_refused,
        ]

    @property
    def slow(self) -> list[Callable[[], None]]:
        """Changes that the gateway notices by itself."""
        return [self.configures, self.changes_a_file, self.renews_the_certificate, self.moves_members]

    def change(self, kind: Callable[[], None]) -> None:
        """Make a change."""
        self._number += 1
        kind()
        self.done[kind.__name__] += 1

    # What he does to files.

    def configures_and_signals(self) -> None:
        self._configure()
        self._reload(lambda: self._text("/mark") == str(self._number))

    def configures(self) -> None:
        self._configure()
        until(lambda: self._text("/mark") == str(self._number), "the file was not read", SOON)

    def opens_a_port(self) -> None:
        self._more = [{"name": "third", "endpoint": f"tcp:{self._third}:interface=127.0.0.1"}]
        self._configure()
        self._reload(lambda: self._is_open(self._third))

    def closes_a_port(self) -> None:
        self._more = []
        self._configure()
        self._reload(lambda: not self._is_open(self._third))

    def changes_a_file(self) -> None:
        self._replace("text", str(self._number))
        until(lambda: self._text("/file") == str(self._number), "the file was not read", SOON)

    def renews_the_certificate(self) -> None:
        before = self._certificate()
        self._authority.write_identity(self._at / "new.pem", "localhost")
        (self._at / "new.pem").replace(self._at / "cert.pem")
        until(lambda: self._certificate() != before, "the certificate was not read", SOON)

    def moves_members(self) -> None:
        members = self._backends[:: self._number % 2 or -1][:1] if self._number % 3 else self._backends
        self._write_members(members)
        until(lambda: self._members() == set(members), "the members were not read", SOON)

    # What he asks of the admin API.

    def puts_a_route(self) -> None:
        body = {"path": "/new", "respond": {"body": str(self._number)}}
        assert self._ask("PUT", "/config/routes/new", json=body).status_code in (200, 201)
        assert self._text("/new") == str(self._number)

    def deletes_a_route(self) -> None:
        assert self._ask("DELETE", "/config/routes/new").status_code == 200
        assert self._status("/new") == 404

    def puts_an_upstream(self) -> None:
        body = {"backends": [{"url": url} for url in self._backends], "pool": {"idle_timeout": 10 + self._number % 7}}
        assert self._ask("PUT", "/config/upstreams/more", json=body).status_code in (200, 201)

    def deletes_an_upstream(self) -> None:
        assert self._ask("DELETE", "/config/upstreams/more").status_code == 200

    def puts_a_limit(self) -> None:
        body = {"endpoint": "/limited", "limit": 1_000_000 + self._number}
        assert self._ask("PUT", "/config/rate_limits/0", json=body).status_code in (200, 201)
        answer = requests.get(f"{self._gateway.url}/limited", timeout=SOON)
        assert answer.headers["X-RateLimit-Limit"] == str(body["limit"])

    def deletes_a_limit(self) -> None:
        assert self._ask("DELETE", "/config/rate_limits/0").status_code == 200

    def puts_a_plugin(self) -> None:
        config = {"header": "X-Stamp", "value": str(self._number)}
        body = {"class": "examples.plugins.header_stamp.HeaderStamp", "config": config}
        assert self._ask("PUT", "/config/plugins/stamp", json=body).status_code in (200, 201)
        route = {"path": "/stamped", "upstream": "members", "plugins": ["stamp"]}
        assert self._ask("PUT", "/config/routes/stamped", json=route).status_code in (200, 201)
        answer = requests.get(f"{self._gateway.url}/stamped", timeout=SOON)
        assert (answer.status_code, answer.headers["X-Stamp"]) == (200, str(self._number))

    def deletes_a_plugin(self) -> None:
        assert self._ask("DELETE", "/config/routes/stamped").status_code == 200
        assert self._ask("DELETE", "/config/plugins/stamp").status_code == 200

    def replaces_all(self) -> None:
        processes = self._written().get("processes", 1)
        answer = self._ask("PUT", "/config", json={**self._configuration(), "processes": processes})
        assert answer.status_code == 200, answer.text
        assert self._text("/mark") == str(self._number)

    def goes_back(self) -> None:
        versions = self._ask("GET", "/config/versions").json()["versions"]
        to = versions[min(self._number % 7 + 1, len(versions) - 1)]["version"]
        answer = self._ask("POST", "/config/rollback", json={"version": to})
        assert answer.status_code == 200, answer.text

    def returns_to_the_files(self) -> None:
        assert self._ask("DELETE", "/config/overlay").status_code == 200
        assert self._text("/mark") == self._written()["routes"][0]["respond"]["body"]

    def is_refused(self) -> None:
        answer = self._ask("PUT", "/config/routes/wrong", json={"path": "/wrong", "upstream": f"none{self._number}"})
        assert answer.status_code == 422
        assert self._status("/wrong") == 404

    # What he writes, and how he looks.

    def _configuration(self) -> dict[str, Any]:
        local = "interface=127.0.0.1"
        mark = {"path": "/mark", "respond": {"body": str(self._number)}}
        routes = [
            mark,
            {"path": "/file", "respond": {"file": str(self._at / "text")}},
            {"path": "/limited", "respond": {"body": "x"}},
            {"path": "/name", "upstream": "fixed", "timeout": 20 + self._number % 9, "retry": {}},
            {"path": "/found", "upstream": "members", "timeout": 30},
        ]
        fixed = {"name": "fixed", "backends": [{"url": url} for url in self._backends]}
        discovery = {"type": "file", "path": str(self._at / "members.json")}
        certificate = f"privateKey={self._at}/cert.pem:certKey={self._at}/cert.pem"
        return {
            "routes": routes,
            "upstreams": [fixed, {"name": "members", "discovery": discovery}],
            "listeners": [
                {"name": "main", "endpoint": f"tcp:{self._gateway.port}:{local}"},
                {"name": "tls", "endpoint": f"ssl:{self.tls_port}:{local}:{certificate}"},
                *self._more,
            ],
            "admin": {"endpoint": f"tcp:{self._gateway.admin_port}:{local}", "token": TOKEN, "overlay": "overlay.yaml"},
            "timeouts": {"client_idle": 60 + self._number % 2},
        }

    def _written(self) -> dict[str, Any]:
        written: dict[str, Any] = json.loads(self._gateway.config.read_text())
        return written

    def _configure(self) -> None:
        self._gateway.configure(**self._configuration())

    def _reload(self, in_force: Callable[[], bool]) -> None:
        self._gateway.signal(signal.SIGHUP)
        until(in_force, "what the file says is not in force", SOON)

    def _replace(self, name: str, text: str) -> None:
        fresh: Path = self._at / f"{name}.new"
        fresh.write_text(text)
        fresh.replace(self._at / name)

    def _write_members(self, urls: Sequence[str]) -> None:
        self._replace("members.json", json.dumps([{"url": url} for url in urls]))

    def _ask(self, method: str, path: str, **body: Any) -> requests.Response:
        return self._admin.request(method, f"http://127.0.0.1:{self._gateway.admin_port}{path}", timeout=SOON, **body)

    def _text(self, path: str) -> str:
        return requests.get(self._gateway.url + path, timeout=SOON).text

    def _status(self, path: str) -> int:
        return requests.get(self._gateway.url + path, timeout=SOON).status_code

    def _members(self) -> set[str]:
        (found,) = [one for one in self._ask("GET", "/upstreams").json() if one["name"] == "members"]
        return {backend["url"] for backend in found["backends"]}

    def _is_open(self, port: int) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    def _certificate(self) -> bytes | None:
        with (
            socket.create_connection(("127.0.0.1", self.tls_port), SOON) as plain,
            self.trusted.wrap_socket(plain, server_hostname="localhost") as client,
        ):
            return client.getpeercert(binary_form=True)
