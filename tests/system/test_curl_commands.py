"""What a command line of curl asks for, as `gateway explain` reads it, and as curl itself asks.

The real curl is connected to a socket here, whatever host its URL names; what comes over it is compared.
"""

from __future__ import annotations

import re
import shlex
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from urllib.parse import urlsplit

import pytest

from gateway.commands.curl.request import read

HOST = "http://shop.example"


class Listener:
    """Takes one request at a time, answers it, and keeps it."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self.asked = b""

    def take(self) -> None:
        """Read a request to its end, and answer that all is well."""
        connection, _ = self._socket.accept()
        with connection:
            connection.settimeout(20)
            octets = b""
            while not _is_whole(octets):
                octets += connection.recv(65536)
            self.asked = octets
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

    def close(self) -> None:
        """Take none any more."""
        self._socket.close()


def _is_whole(octets: bytes) -> bool:
    head, end, body = octets.partition(b"\r\n\r\n")
    fields = _fields(head)
    if "transfer-encoding" in fields:
        return body.endswith(b"0\r\n\r\n")
    return bool(end) and len(body) >= int(fields.get("content-length", "0"))


def _fields(head: bytes) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in head.decode().split("\r\n")[1:]:
        name, _, value = line.partition(":")
        key = name.lower()
        joint = "; " if key == "cookie" else ", "
        found[key] = f"{found[key]}{joint}{value.strip()}" if key in found else value.strip()
    return found


@pytest.fixture
def listener() -> Iterator[Listener]:
    """Where curl is led to."""
    one = Listener()
    yield one
    one.close()


@pytest.mark.parametrize(
    "line",
    [
        f"{HOST}/a",
        f"{HOST}",
        f"{HOST}?a=b",
        f"{HOST}/a/../b/./c#part",
        f"--path-as-is {HOST}/a/../b",
        f"{HOST}/a//../b/.. --compressed",
        f"{HOST}/%2e%2e/a",
        f"'{HOST}/ü?q=[1]&r={{a}}' -g",
        "HTTP://ada:s%40cret@shop.example/",
        f"-u ada {HOST}/ -H 'authorization: Bearer t'",
        f"-u ada:b:c {HOST}/",
        f"--oauth2-bearer t {HOST}/",
        f"-A '' -e http://x/ -b 'a=1; b=2' -r 0-9 {HOST}/",
        f"-H 'Accept:' -H 'X-Empty;' -H 'X-Colon: a:' -H 'X-A: 1' -H 'x-a: 2' {HOST}/",
        f"-H 'Host: other.example' {HOST}/",
        f"-sSLd a=1 --data-raw @b --data-binary c {HOST}/",
        f"-d @FILE {HOST}/",
        f"--data-binary @FILE {HOST}/",
        f"--data-urlencode 'q=a b&c~é' --data-urlencode '=d/e' --data-urlencode f@FILE --data-urlencode 'g h' {HOST}/",
        f"-G -d a=1 --data-urlencode 'q=a b' '{HOST}/x?y=z'",
        f"--url-query 'a=b c' --url-query +d=/ {HOST}/x?y",
        f"--json '{{}}' --json '[]' {HOST}/",
        f"--json '{{}}' -H 'content-type: a/b' -X PATCH {HOST}/",
        f"-H 'Transfer-Encoding: chunked' -d abc {HOST}/",
        f"-I {HOST}/",
        f"-X DELETE -d '' {HOST}/",
        f"-H @FIELDS {HOST}/",
    ],
)
def test_curl_asks_for_what_is_read(line: str, listener: Listener, tmp_path: Path) -> None:
    """Method, target, fields and content."""
    (tmp_path / "FILE").write_bytes(b"one\r\ntwo & three\n")
    (tmp_path / "FIELDS").write_text("X-A: 1\nX-B: 2\n")
    words = [
        word.replace("@FILE", f"@{tmp_path}/FILE").replace("@FIELDS", f"@{tmp_path}/FIELDS")
        for word in shlex.split(line)
    ]
    taking = Thread(target=listener.take, daemon=True)
    taking.start()

    command = [
        "curl",
        "-q",
        *words,
        "-sS",
        "-o",
        "/dev/null",
        "-m",
        "20",
        "--connect-to",
        f"::127.0.0.1:{listener.port}",
    ]
    environment = {"PATH": "/usr/bin:/bin", "NO_PROXY": "*", "LC_ALL": "C.UTF-8"}
    subprocess.run(command, check=True, env=environment, timeout=60)
    taking.join(20)

    head, _, content = listener.asked.partition(b"\r\n\r\n")
    method, target, _ = head.partition(b"\r\n")[0].decode("latin-1").split(" ")
    fields = _fields(head)
    request = read(words)
    parts = urlsplit(request.url)
    ours = {name.lower(): value for name, value in request.headers.items()}
    assert request.method == method
    # What is no ASCII some versions of curl send as it is, and others escape in small letters.
    assert _escaped((parts.path or "/") + (f"?{parts.query}" if parts.query else "")) == _escaped(target)
    assert ours.pop("host", parts.netloc) == fields.pop("host")
    if "user-agent" in fields and fields["user-agent"].startswith("curl/"):
        fields["user-agent"] = "curl/8"
    length = fields.pop("content-length", None)
    if "transfer-encoding" in fields:
        assert content == b"3\r\nabc\r\n0\r\n\r\n"
    else:
        assert (request.body or "").encode() == content
        assert (request.body is None) is (length is None)
    encodings = "accept-encoding" in ours, "accept-encoding" in fields
    assert encodings[0] is encodings[1]  # which ones, is a matter of what curl was built with
    ours.pop("accept-encoding", None), fields.pop("accept-encoding", None)
    assert ours == fields


def _escaped(target: str) -> str:
    whole = "".join(one if one.isascii() else f"%{ord(one):02X}" for one in target)
    return re.sub("%[0-9a-f]{2}", lambda match: match[0].upper(), whole)
