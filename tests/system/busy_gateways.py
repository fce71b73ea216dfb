"""Gateways of which everything is in use that a dashboard shows, traffic on them, and the faults that alerts are for.

Three of them: `main` has the traffic, `ill` has what would end the traffic (a full disk, no memory, a configuration
that is refused), `brief` is started again and again.
"""

from __future__ import annotations

import contextlib
import datetime
import gzip
import json
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import requests
from h2.connection import H2Connection
from h2.events import StreamEnded

from tests.pki import Authority, key_pem, pem
from tests.system.gateway_process import GatewayProcess, until
from tests.system.ports import free_port
from tests.system.redis_server import RedisServer
from tests.tokens import SECRET, rsa_key

PLUGIN = '''
class Broken:
    """Fails."""

    def on_request(self, exchange):
        raise ValueError("as it is meant to")
'''

CALLS = (
    *["/users/7"] * 4,
    *["/products/7"] * 3,
    *["/queued", "/dry", "/limited"] * 2,
    *["/orders/7", "/orders/8?status=503", "/nowhere", "/plugged"],
    *["/ejected/a", "/ejected/b", "/down/a", "/found/a"],
    "/broken/good",
    *["/broken/a?status=500"] * 4,
)


class Origin(ThreadingHTTPServer):
    """A backend that does what the query says: `?status=503`, `?wait=1.5`; and an issuer of tokens, at `/keys`.

    Attributes:
        spans: What was exported to it.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.spans: list[bytes] = []
        self.url = f"http://127.0.0.1:{self.server_port}"
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def end(self) -> None:
        """Accept nobody any more."""
        self.shutdown()
        self.server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that has gone is no error of ours."""


class _Handler(BaseHTTPRequestHandler):
    server: Origin
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        asked = {name: values[0] for name, values in parse_qs(url.query).items()}
        time.sleep(float(asked.get("wait", 0)))
        content = b"{}"
        if url.path == "/keys":
            self.close_connection = True  # or it would be asked again on this one when the issuer has ended
            key = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(rsa_key().public_key()))
            content = json.dumps({"keys": [{**key, "kid": "one", "alg": "RS256"}]}).encode()
        self.send_response(int(asked.get("status", 200)))
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Cache-Control", "public, max-age=1")
        self.end_headers()
        self.wfile.write(content)

    def do_POST(self) -> None:
        """Take what is exported, or refuse it."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers["Content-Encoding"] == "gzip":
            body = gzip.decompress(body)
        if self.path == "/take/v1/traces":
            self.server.spans.append(body)
        self.send_response(400 if self.path.startswith("/refuse") else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args: Any) -> None:
        """The gateway logs."""


class BusyGateways:
    """The three of them, with all that they need.

    Attributes:
        main: Has the traffic.
        ill: Fails in several ways.
        brief: Is started again and again.
    """

    def __init__(self, place: Path) -> None:
        self.place = place
        self.origin, self.issuer = Origin(), Origin()
        self.redis = RedisServer(place)
        (place / "broken_plugin.py").write_text(PLUGIN)
        self.members = place / "members.json"
        self.members.write_text(json.dumps([self.origin.url]))
        self.main = self._gateway("main", self._main(place))
        self.ill = self._gateway("ill", self._ill())
        self.brief = self._gateway("brief", {"upstreams": [], "routes": [{"path": "/", "respond": {"status": 204}}]})
        self._stopped = threading.Event()
        self._threads: list[threading.Thread] = []

    @property
    def targets(self) -> list[str]:
        """What a Prometheus scrapes."""
        return [f"127.0.0.1:{each.admin_port}" for each in (self.main, self.ill, self.brief)]

    def start(self) -> None:
        """Start all; they are ready, and there is traffic."""
        self.redis.start()
        gateways = (self.main, self.ill, self.brief)
        for gateway in gateways:
            gateway.start(wait=False, directory=self.place)
        for gateway in gateways:
            until(gateway.live, f"it does not answer: {gateway.errors}", 30)
        for each in (self._calls, self._slow, self._slow, self._slow, self._placed, self._placed, self._placed):
            self._threads.append(threading.Thread(target=self._repeat, args=(each,), daemon=True))
            self._threads[-1].start()

    def stop(self) -> None:
        """End all."""
        self._stopped.set()
        for thread in self._threads:
            thread.join(5)
        for gateway in (self.main, self.ill, self.brief):
            gateway.resume()
            gateway.stop()
        with contextlib.suppress(AssertionError, ProcessLookupError):
            self.redis.kill()
        self.origin.end()
        with contextlib.suppress(OSError):
            self.issuer.end()

    def break_everything(self) -> None:
        """What is outside fails: the issuer, the store, the registry; the configuration is spoilt."""
        self.issuer.end()
        self.redis.pause()  # what has been sent gets no answer, and what comes later is not sent
        self.members.unlink()
        self.ill.config.write_text('{"routes": 7}')

    def hold_up(self) -> None:
        """Keep the main gateway's event loop for a while."""
        self.main.signal(signal.SIGSTOP)
        time.sleep(1)
        self.main.signal(signal.SIGCONT)

    def restart(self, seen: Callable[[], float], times: int = 3) -> None:
        """Start `brief` again and again, then leave it ended.

        Args:
            seen: Returns when the one that was scraped last was started, 0 where none was.
            times: How often.
        """
        for _ in range(times):
            before = seen()
            self.brief.crash()
            self.brief.start(directory=self.place)
            until(lambda before=before: seen() not in (0, before), "it has not been scraped", 30)
        self.brief.stop()

    def _gateway(self, name: str, configuration: dict[str, Any]) -> Gateway:
        (self.place / name).mkdir()
        return Gateway(self.place / name, **configuration)

    def _main(self, place: Path) -> dict[str, Any]:
        soon = datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=1)
        authority = Authority("Servers")
        certificate, key = authority.issue("gateway.test", until=soon)
        (place / "gateway.pem").write_bytes(pem(certificate) + key_pem(key))
        authority.write(place / "ca.pem")
        authority.write_list(place / "ca.crl", until=soon)
        tls = f"sni:{free_port()}:certificates={place}/gateway.pem:clientCA={place}/ca.pem:clientAuth=request"
        nobody, good = f"http://127.0.0.1:{free_port()}", {"url": self.origin.url}
        check = {"path": "/health", "interval": "500ms", "timeout": "400ms"}
        return {
            "extra_listeners": [{"endpoint": f"{tls}:interface=127.0.0.1"}],
            "redis": {"url": self.redis.url, "timeout": "100ms"},
            "rate_limit_store": "redis",
            "limits": {"in_flight": 500, "queue": {}},
            **_sent(f"{self.origin.url}/take"),
            "auth": {
                "mtls": {"crl": [str(place / "ca.crl")]},
                "jwt": {
                    "default": {"algorithms": ["HS256"], "secret": SECRET},
                    "published": {"jwks_url": f"{self.issuer.url}/keys", "jwks_refresh": "1s", "jwks_cooldown": "1s"},
                },
                "api_keys": {"keys": [{"id": "acme", "key": "a-key-of-twenty-octets-or-more"}]},
            },
            "plugins": [{"name": "broken", "class": "broken_plugin.Broken"}],
            "upstreams": [
                {"name": "app", "backends": [good], "health_check": check},
                {"name": "down", "backends": [{"url": nobody}], "health_check": {**check, "unhealthy_threshold": 1}},
                {
                    "name": "broken",
                    "backends": [good],
                    "circuit_breaker": {"failure_threshold": 3, "timeout": "5s", "fallback": {"cached": True}},
                },
                {
                    "name": "ejected",
                    "backends": [good, {"url": nobody}],
                    "passive_health": {"failures": 2, "eject": "10m"},
                },
                {"name": "narrow", "backends": [good], "pool": {"max_connections": 1, "queue_timeout": "20s"}},
                {"name": "placed", "backends": [good], "in_flight": 1, "queue": {"size": 1, "timeout": "200ms"}},
                {"name": "found", "discovery": {"type": "file", "path": str(self.members)}},
            ],
            "routes": [
                {"name": "users", "path": "/users/:id", "upstream": "app"},
                {"name": "orders", "path": "/orders/:id", "upstream": "app", "retry": {"on": [503]}},
                {"name": "limited", "path": "/limited", "upstream": "app", "rate_limit": _limit("10s")},
                {
                    "name": "queued",
                    "path": "/queued",
                    "upstream": "app",
                    "rate_limit": _limit("1s"),
                    "rate_limit_queue": {"timeout": "5s"},
                },
                {"name": "products", "path": "/products/:id", "upstream": "app", "cache": {"ttl": "1s"}},
                {"name": "private", "path": "/private", "upstream": "app", "auth": {"type": "jwt"}},
                {
                    "name": "published",
                    "path": "/published",
                    "upstream": "app",
                    "auth": {"type": "jwt", "verifier": "published"},
                },
                {"name": "keyed", "path": "/keyed", "upstream": "app", "auth": {"type": "api_key"}},
                {
                    "name": "dry",
                    "path": "/dry",
                    "upstream": "app",
                    "rate_limit": [{**each, "dry_run": True} for each in _limit("10s")],
                    "auth": {"type": "api_key", "dry_run": True},
                    "ip_deny": ["127.0.0.1"],
                    "ip_dry_run": True,
                },
                {"name": "plugged", "path": "/plugged", "upstream": "app", "plugins": ["broken"]},
                *({"path": f"/{name}/*", "name": name, "upstream": name} for name in ("down", "broken", "ejected")),
                *({"path": f"/{name}/*", "name": name, "upstream": name} for name in ("narrow", "placed", "found")),
            ],
        }

    def _ill(self) -> dict[str, Any]:
        return {
            "access_log": {"path": "/dev/full"},
            "limits": {"memory": "1MiB"},
            **_sent(f"{self.origin.url}/refuse"),
            "upstreams": [{"name": "app", "backends": [{"url": self.origin.url}]}],
            "routes": [{"name": "all", "path": "/*", "upstream": "app"}],
        }

    def _repeat(self, what: Callable[[requests.Session], None]) -> None:
        with requests.Session() as session:
            while not self._stopped.is_set():
                with contextlib.suppress(requests.RequestException):  # a gateway that stands still
                    what(session)
                self._stopped.wait(0.05)

    def _calls(self, session: requests.Session) -> None:
        """One of everything, and a few of some."""
        good = jwt.encode({"sub": "alice", "exp": 4e9}, SECRET)
        unknown = jwt.encode({"sub": "alice", "exp": 4e9}, rsa_key(), "RS256", {"kid": "of-nobody"})
        known = jwt.encode({"sub": "alice", "exp": 4e9}, rsa_key(), "RS256", {"kid": "one"})
        for path in CALLS:
            session.get(self.main.url + path, timeout=5)
        for token in (good, "no-token"):
            session.get(f"{self.main.url}/private", timeout=5, headers={"Authorization": f"Bearer {token}"})
        for token in (known, unknown):
            session.get(f"{self.main.url}/published", timeout=5, headers={"Authorization": f"Bearer {token}"})
        for key in ("a-key-of-twenty-octets-or-more", "another"):
            session.get(f"{self.main.url}/keyed", timeout=5, headers={"X-API-Key": key})
        session.get(f"{self.ill.url}/a", timeout=5)
        http2(self.main.port)

    def _slow(self, session: requests.Session) -> None:
        session.get(f"{self.main.url}/narrow/a?wait=0.8", timeout=20)

    def _placed(self, session: requests.Session) -> None:
        session.get(f"{self.main.url}/placed/a?wait=0.3", timeout=5)


def http2(port: int, pings: int = 5000) -> None:
    """Ask something by HTTP/2, then send more pings than anybody may."""
    connection = H2Connection()
    connection.initiate_connection()
    fields = {":method": "GET", ":scheme": "http", ":authority": "gateway.test", ":path": "/users/7"}
    connection.send_headers(1, fields.items(), end_stream=True)
    with socket.create_connection(("127.0.0.1", port), 5) as client, contextlib.suppress(OSError):
        client.sendall(connection.data_to_send())
        while data := client.recv(65536):
            if any(isinstance(event, StreamEnded) for event in connection.receive_data(data)):
                break
        client.sendall(b"\0\0\x08\x06\0\0\0\0\0 a ping " * pings)
        while client.recv(65536):
            pass


class Gateway(GatewayProcess):
    """One of them; its plugins are found in the directory that it is started in."""

    def configure(self, **configuration: Any) -> None:
        """Write the configuration; `extra_listeners` are beside its own."""
        extra = configuration.pop("extra_listeners", [])
        listeners = [{"endpoint": f"tcp:{self.port}:interface=127.0.0.1"}, *extra]
        super().configure(listeners=listeners, **configuration)

    def live(self) -> bool:
        """Whether its admin port is open; it need not be ready."""
        assert self.process is not None
        assert self.process.poll() is None, self.errors
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.admin_port), 1):
            return True
        return False

    def crash(self) -> None:
        """End it as a crash does."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def resume(self) -> None:
        """Let it go on, where a test has left it standing still."""
        if self.process is not None and self.process.poll() is None:
            self.signal(signal.SIGCONT)


def _sent(url: str) -> dict[str, Any]:
    """Spans and records of the log go there."""
    return {
        "tracing": {"exporter": "otlp", "endpoint": url, "sample_ratio": 1.0, "interval": "500ms"},
        "log_shipping": {"url": f"{url}/logs", "format": "ndjson", "interval": "500ms"},
    }


def _limit(window: str) -> list[dict[str, Any]]:
    """One request in so long: however slow the machine is, there are more."""
    return [{"limit": 1, "window": window}]


@contextlib.contextmanager
def busy_gateways(place: Path) -> Iterator[BusyGateways]:
    """Run them as long as the block runs."""
    made = BusyGateways(place)
    try:
        made.start()
        yield made
    finally:
        made.stop()
