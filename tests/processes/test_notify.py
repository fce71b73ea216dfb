"""What systemd hears. As a unit: `tests/system/test_upgrade.py`."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.processes.notify import Notify


@pytest.mark.parametrize(
    ("say", "heard"),
    [
        (Notify.ready, b"READY=1"),
        (Notify.reloading, b"RELOADING=1\nMONOTONIC_USEC=12"),
        (Notify.stopping, b"STOPPING=1"),
        (lambda notify: notify.succeeded(7), b"MAINPID=7\nREADY=1"),
    ],
)
@pytest.mark.parametrize("abstract", [False, True])
def test_it_is_told(say: Callable[[Notify], None], heard: bytes, abstract: bool, tmp_path: Path) -> None:
    """At a path, or at a name in the kernel's own namespace."""
    name = f"@{tmp_path}" if abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(name.replace("@", "\0"))
        say(Notify({"NOTIFY_SOCKET": name}, lambda: 12345))

        assert manager.recv(100) == heard


@pytest.mark.parametrize("environ", [{}, {"NOTIFY_SOCKET": ""}, {"NOTIFY_SOCKET": "/nowhere/at/all"}])
def test_without_systemd_nothing_happens(environ: dict[str, str]) -> None:
    """Nor where nobody listens."""
    Notify(environ).ready()
