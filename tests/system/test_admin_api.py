"""What the admin API has answered for is there after the process was killed; a restart never takes a broken overlay."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path
from typing import Any

from tests.system.gateway_process import GatewayProcess, until

TOKEN = "change-me-change-me-change-me-change-me"


def curl(gateway: GatewayProcess, method: str, path: str, body: str = "", *more: str) -> int:
    """Ask the admin port by curl; returns the status."""
    command = ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "-X", method, "--data-binary", body, *more]
    command += ["-H", f"Authorization: Bearer {TOKEN}", f"http://127.0.0.1:{gateway.admin_port}{path}"]
    return int(subprocess.run(command, check=True, capture_output=True, timeout=20).stdout)


def status(gateway: GatewayProcess, path: str) -> int:
    """Ask the gateway by curl; returns the status."""
    command = ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", gateway.url + path]
    return int(subprocess.run(command, check=True, capture_output=True, timeout=20).stdout)


def test_what_was_answered_is_there_after_a_kill(tmp_path: Path) -> None:
    """And after SIGHUP with other files; an overlay that cannot be used any more is refused with file and line."""
    overlay = tmp_path / "overlay.state"
    gateway = GatewayProcess(tmp_path)
    admin = {"endpoint": f"tcp:{gateway.admin_port}:interface=127.0.0.1", "token": TOKEN, "overlay": overlay.name}
    answered: dict[str, Any] = {"status": 200, "body": "x"}

    def configure(*paths: str) -> None:
        gateway.configure(admin=admin, routes=[{"path": path, "respond": answered} for path in paths])

    configure("/a", "/b")
    gateway.start()
    try:
        assert curl(gateway, "PUT", "/config/routes/new", "path: /new\nrespond: {}\n") == 201
        assert curl(gateway, "DELETE", "/config/routes/%2Fa") == 200
        assert curl(gateway, "PUT", "/config/routes/new", "path: /evil", "-H", "Origin: https://evil.example") == 403
        assert gateway.process is not None
        gateway.process.kill()
        gateway.wait()
        assert overlay.stat().st_mode & 0o777 == 0o600

        gateway.start()
        assert [status(gateway, path) for path in ("/a", "/b", "/new")] == [404, 200, 200]
        configure("/a", "/c")
        gateway.signal(signal.SIGHUP)
        until(lambda: status(gateway, "/c") == 200)
        assert [status(gateway, path) for path in ("/a", "/b", "/new")] == [404, 404, 200]
        gateway.stop()

        overlay.write_text(overlay.read_text().replace("/new", "new"))
        gateway.start(wait=False)
        assert gateway.wait() == 1
        line = next(number for number, text in enumerate(overlay.read_text().split("\n"), 1) if "path" in text)
        assert f"{overlay}:{line}:9: routes[1].path: expected" in gateway.errors
        assert TOKEN not in gateway.errors
    finally:
        gateway.stop()
