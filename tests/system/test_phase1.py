"""`etc/phase1.yaml`: port 8000 before one backend on 8048."""

from __future__ import annotations

from pathlib import Path

import pytest
import requests
import yaml

from gateway.config.loading import load
from tests.system import backends
from tests.system.gateway_process import ROOT, GatewayProcess

SAMPLE = ROOT / "etc/phase1.yaml"


def test_it_listens_on_8000_before_one_backend_on_8048() -> None:
    """Nothing but these is named."""
    settings = load(SAMPLE, {})

    assert [listener.endpoint for listener in settings.listeners] == ["tcp:8000"]
    assert [[str(backend.url) for backend in each.backends] for each in settings.upstreams] == [
        ["http://127.0.0.1:8048"]
    ]


@pytest.mark.parametrize("path", ["/", "/bytes/9", "/any/thing?q=1"])
def test_it_runs_and_passes_everything_on(tmp_path: Path, path: str) -> None:
    """As it is, but for the two ports, which somebody else may have."""
    with backends.backend() as origin:
        gateway = GatewayProcess(tmp_path)
        text = SAMPLE.read_text().replace("http://127.0.0.1:8048", origin.url)
        sample = yaml.safe_load(text.replace("tcp:8000", f"tcp:{gateway.port}:interface=127.0.0.1"))
        gateway.configure(**sample)
        gateway.start()
        try:
            through, straight = requests.get(gateway.url + path), requests.get(origin.url + path)
        finally:
            gateway.stop()

    assert through.status_code == straight.status_code == 200
    assert through.content == straight.content
