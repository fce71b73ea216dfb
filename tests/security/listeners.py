"""A real gateway with a listener of each kind that has TLS, of which nothing but a certificate is said.

Scanned by `tls` (sslscan) and `attacks` (testssl.sh): what they see is what an operator gets who sets nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests import pki
from tests.system.gateway_process import GatewayProcess, one_upstream
from tests.system.ports import free_port


@contextmanager
def listening(directory: Path) -> Iterator[dict[str, int]]:
    """Run the gateway for as long as the block lasts; gives the port of each kind of listener, on 127.0.0.1."""
    pki.Authority().write_identity(directory / "keys" / "a.pem", "localhost")
    kinds = {
        "ssl:": f"privateKey={directory}/keys/a.pem:certKey={directory}/keys/a.pem",
        "sni:": f"certificates={directory}/keys",
    }
    ports = {kind: free_port() for kind in kinds}
    listeners = [{"endpoint": f"{kind}{ports[kind]}:{how}:interface=127.0.0.1"} for kind, how in kinds.items()]
    gateway = GatewayProcess(directory, **one_upstream("http://127.0.0.1:9"), listeners=listeners)
    try:
        gateway.start()
        yield ports
    finally:
        gateway.stop()
