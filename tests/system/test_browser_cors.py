"""Pages of other origins in a browser: what they may do and read through a real gateway, and what they may not."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.system.browser import needs_browser, showing
from tests.system.gateway_process import GatewayProcess, until
from tests.system.ports import free_port

PAGE = """<!doctype html><title>Orders</title><script>
const read = async (path, options) => {
  try {
    const answer = await fetch("GATEWAY" + path, options);
    const fields = ["retry-after", "gateway-reason", "x-private"].map(name => answer.headers.get(name));
    return [answer.status, await answer.text(), ...fields];
  } catch (error) {
    return error.name;
  }
};
(async () => {
  document.cookie = "session=7";
  const put = {method: "PUT", credentials: "include", body: "{}", headers: {"Content-Type": "application/json"}};
  const told = {
    read: await read("/orders/1"),
    put: await read("/orders/2", put),
    unlisted_method: await read("/orders/3", {method: "DELETE"}),
    unlisted_field: await read("/orders/4", {headers: {"X-Unlisted": "1"}}),
    first: await read("/limited"),
    second: await read("/limited"),
    down: await read("/down"),
    without_rules: await read("/plain"),
    kept: await read("/kept?1"),
    kept_still: await read("/kept?1"),
    not_taken: await read("/kept?1", {method: "POST", body: "x"}),
  };
  await fetch("/told", {method: "POST", body: JSON.stringify(told)});
})();
</script>"""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        self._answer(self.server.page or b"here")

    def do_PUT(self) -> None:
        self._answer(b"changed")

    do_DELETE = do_PUT  # noqa: N815 - as the base class calls it

    def do_POST(self) -> None:
        self.server.told.append(json.loads(self._answer(b"")))

    def _answer(self, body: bytes) -> bytes:
        sent = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        self.server.asked.append((self.command, self.path, self.headers.get("Cookie")))
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("X-Private", "1")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        return sent

    def log_message(self, *args: Any) -> None:
        """The gateway logs."""


class _Server(ThreadingHTTPServer):
    """A site with one page, or a service.

    Attributes:
        page: What a site shows; empty for a service.
        told: What pages have said of what they could read.
        asked: Methods, paths and cookies of the requests that came.
    """

    daemon_threads = True

    def __init__(self, page: bytes = b"") -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.page = page
        self.told: list[dict[str, Any]] = []
        self.asked: list[tuple[str, str, str | None]] = []
        self.port: int = self.server_address[1]


@contextmanager
def serving(server: _Server) -> Iterator[_Server]:
    """Serve for as long as the context lasts."""
    with server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def said(host: str, directory: Path, gateway: GatewayProcess, site: _Server) -> dict[str, Any]:
    """Show the page as one of this host; returns what it could do and read."""
    directory.mkdir()
    site.page = PAGE.replace("GATEWAY", gateway.url).encode()
    with showing(directory, f"http://{host}:{site.port}/"):
        until(lambda: site.told, "the page says nothing", 60)
    return site.told.pop()


@needs_browser
@pytest.mark.timeout(150)
def test_what_pages_may_do_and_read(tmp_path: Path) -> None:
    """One whose origin is listed, and the same page of an origin that is not."""
    with serving(_Server()) as service, serving(_Server()) as site:
        cors = {
            "allowed_origins": [f"http://127.0.0.1:{site.port}"],
            "allowed_methods": ["GET", "PUT"],
            "allowed_headers": ["Content-Type"],
            "exposed_headers": ["Retry-After", "Gateway-Reason"],
            "allow_credentials": True,
        }
        shared = {"upstream": "orders", "cors": cors}
        gateway = GatewayProcess(tmp_path)
        gateway.configure(
            upstreams=[
                {"name": "orders", "backends": [{"url": f"http://127.0.0.1:{service.port}"}]},
                {"name": "down", "backends": [{"url": f"http://127.0.0.1:{free_port()}"}]},
            ],
            routes=[
                {"path": "/orders/*", **shared},
                {"path": "/limited", "rate_limit": {"limit": 1, "window": "1h"}, **shared},
                {"path": "/down", **shared, "upstream": "down"},
                {"path": "/plain", "upstream": "orders"},
                {"path": "/kept", "methods": ["GET"], "cache": {"ttl": "1h"}, **shared},
            ],
        )
        gateway.start()
        try:
            told = said("127.0.0.1", tmp_path / "listed", gateway, site)
            asked = list(service.asked)
            service.asked.clear()
            kept_out = said("localhost", tmp_path / "unlisted", gateway, site)
        finally:
            gateway.stop()

    assert told["read"] == [200, "here", None, None, None]
    assert told["put"] == [200, "changed", None, None, None]
    assert told["first"][0] == 200
    status, _, retry_after, reason, _ = told["second"]
    assert (status, reason) == (429, "limit.exceeded")
    assert 0 < int(retry_after) <= 3600
    assert told["down"][0] == 502
    assert told["down"][3] == "upstream.connect"
    assert told["unlisted_method"] == told["unlisted_field"] == told["without_rules"] == "TypeError"
    assert told["kept"] == told["kept_still"] == [200, "here", None, None, None]
    assert told["not_taken"][0] == 405
    assert told["not_taken"][3] == "route.method"
    # The preflight kept two of them from being sent at all. The cookie came with the one that was told to send it.
    assert sorted(asked) == [
        ("GET", "/kept?1", None), ("GET", "/limited", None), ("GET", "/orders/1", None), ("GET", "/plain", None),
        ("PUT", "/orders/2", "session=7"),
    ]  # fmt: skip
    assert set(map(str, kept_out.values())) == {"TypeError"}
    assert ("PUT", "/orders/2") not in [one[:2] for one in service.asked]
