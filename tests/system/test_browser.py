"""Pages that a browser loads through a real gateway: 200 images over HTTP/2, and what pages of other origins may do."""

from __future__ import annotations

import base64
import hashlib
import re
import struct
import subprocess
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.pki import Authority
from tests.system.browser import command, needs_browser
from tests.system.gateway_process import GatewayProcess, one_upstream, until
from tests.system.ports import free_port

IMAGES = 200

PAGE = """<!doctype html><title>Images</title><body><script>
addEventListener("load", () => {
  const loaded = [...document.images].filter(one => one.naturalWidth == 8).length;
  const by = performance.getEntriesByType("resource").filter(one => one.nextHopProtocol == "h2").length;
  document.body.textContent = `loaded ${loaded} by h2 ${by}`;
});
</script>""" + "".join(f'<img src="/images/{number}.png">' for number in range(IMAGES))


def png() -> bytes:
    """A picture of eight points by eight, with a few kilobytes of text in it."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 8, 8, 8, 0, 0, 0, 0))
    text = chunk(b"tEXt", b"Comment\0" + b"x" * 5000)
    rows = chunk(b"IDAT", zlib.compress(b"\0\1\2\3\4\5\6\7\x08" * 8))
    return b"\x89PNG\r\n\x1a\n" + head + text + rows + chunk(b"IEND", b"")


PICTURE = png()


class _Site(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        page = self.path == "/"
        body = PAGE.encode() if page else PICTURE
        self.send_response(200)
        self.send_header("Content-Type", "text/html" if page else "image/png")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        """The gateway logs."""


@contextmanager
def site() -> Iterator[str]:
    """Serve the page; gives its URL."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Site) as server:
        server.daemon_threads = True
        server.request_queue_size = 128
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


@needs_browser
@pytest.mark.timeout(150)
def test_chromium_loads_200_images(tmp_path: Path) -> None:
    """All of them, over HTTP/2, on connections that it shares."""
    certificate = Authority().write_identity(tmp_path / "identity.pem", "localhost")
    shown = x509.load_pem_x509_certificate(certificate.read_bytes())
    key = shown.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    trusted = base64.b64encode(hashlib.sha256(key).digest()).decode()
    port = free_port()
    with site() as origin:
        gateway = GatewayProcess(tmp_path)
        gateway.configure(
            listeners=[
                {"endpoint": f"tcp:{gateway.port}:interface=127.0.0.1"},
                {"endpoint": f"ssl:{port}:interface=127.0.0.1:privateKey={certificate}:certKey={certificate}"},
            ],
            **one_upstream(origin),
        )
        gateway.start()
        try:
            asked = subprocess.run(
                command(
                    tmp_path,
                    f"--ignore-certificate-errors-spki-list={trusted}",
                    "--timeout=60000",
                    "--dump-dom",
                    f"https://localhost:{port}/",
                ),
                capture_output=True, timeout=100, check=False, text=True,
            )  # fmt: skip
            found = re.search(r"loaded (\d+) by h2 (\d+)", asked.stdout)
            assert found is not None, (asked.stdout[:500], asked.stderr[-2000:])
            assert (int(found[1]), int(found[2])) == (IMAGES, IMAGES)
            until(lambda: len(images(gateway)) == IMAGES)
            assert {record["protocol"] for record in images(gateway)} == {"HTTP/2"}
            assert {record["status_code"] for record in images(gateway)} == {200}
            metrics = gateway.metric("gateway_http2_floods_total")
            assert metrics == 0
        finally:
            gateway.stop()


def images(gateway: GatewayProcess) -> list[dict[str, Any]]:
    """Return the records of the images."""
    return [record for record in gateway.logs if record["path"].startswith("/images/")]
