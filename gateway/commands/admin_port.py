"""The admin port of a gateway that runs, as commands ask it: one request after the other, changing nothing.

Synchronous: a command has nothing else to do meanwhile.

Tests: `tests/system/test_commands.py`.
"""

from __future__ import annotations

import http.client
import json
import socket
from typing import Any, Final
from urllib.parse import urlsplit

from gateway.commands.defaults import ADMIN_PORT

PATIENCE: Final = 5.0
"""Seconds for an answer, and for each part of it."""

_MOST: Final = 256 * 1024 * 1024
"""Octets of an answer: figures of ten thousand routes are 20 MB."""


class NoAnswer(Exception):
    """The port does not answer, or what answers there is no gateway; the words are for people."""


class AdminPort:
    """Asks one port.

    Args:
        url: `http://HOST:PORT`, `https://…`, or `unix:PATH`.
        patience: Seconds for an answer.

    Raises:
        ValueError: The URL is none of these.
    """

    def __init__(self, url: str, patience: float = PATIENCE) -> None:
        self.url = url
        self._patience = patience
        self._connection: http.client.HTTPConnection | None = None
        self._version = ""
        self._socket = url.removeprefix("unix:") if url.startswith("unix:") else ""
        if not self._socket and not _is_one(url):
            raise ValueError(f"{url!r} is no URL of an admin port: say {ADMIN_PORT}, or unix:/run/admin.sock")
        self._parts = urlsplit("" if self._socket else url)

    def get(self, path: str) -> tuple[int, bytes]:
        """Return status and content of what is at a path.

        Raises:
            NoAnswer: There is no answer of a gateway.
        """
        return self._again("GET", path, None)

    def _again(self, method: str, path: str, content: bytes | None) -> tuple[int, bytes]:
        for fresh in (self._connection is None, True):
            try:
                return self._ask(method, path, content)
            except (http.client.HTTPException, OSError) as error:
                self.close()
                # One that was kept may have been closed at the other end meanwhile: that is asked again, once.
                if fresh or isinstance(error, TimeoutError):
                    raise NoAnswer(f"the admin port does not answer at {self.url}: {_words(error)}") from error
        raise AssertionError

    def json(self, path: str, question: Any = None) -> Any:
        """Return what is at a path as data.

        Args:
            path: The path.
            question: What JSON can say, for what is asked by POST; None for what is read.

        Raises:
            NoAnswer: There is no such answer.
        """
        asked = None if question is None else json.dumps(question).encode()
        status, content = self._again("GET" if asked is None else "POST", path, asked)
        if asked is not None and status == 400:
            raise NoAnswer(f"{self.url}{path} cannot answer: {_detail(content)}")
        if status != 200:
            raise NoAnswer(f"{self.url}{path} answers {status}: is the gateway of another version?")
        try:
            return json.loads(content)
        except ValueError as error:
            raise NoAnswer(f"{self.url}{path} is no JSON") from error

    def close(self) -> None:
        """Leave."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    @property
    def version(self) -> str:
        """The version of the configuration in force, as an answer has named it; empty where none has."""
        return self._version

    def _ask(self, method: str, path: str, asked: bytes | None) -> tuple[int, bytes]:
        if self._connection is None:
            self._connection = self._connect()
        fields = {} if asked is None else {"Content-Type": "application/json"}
        self._connection.request(
            method, self._parts.path.rstrip("/") + path if not self._socket else path, asked, fields
        )
        response = self._connection.getresponse()
        content = response.read(_MOST)
        self._version = response.getheader("ETag", "").strip('"') or self._version
        server = response.getheader("Server", "")
        if server != "gateway":
            self.close()
            says = f' (it says "Server: {server[:40]}")' if server.isprintable() and server else ""
            raise NoAnswer(f"what answers at {self.url} is no gateway's admin port{says}: say another URL")
        return response.status, content

    def _connect(self) -> http.client.HTTPConnection:
        if self._socket:
            return _UnixConnection(self._socket, self._patience)
        host, port = self._parts.hostname or "", self._parts.port
        if self._parts.scheme == "https":
            return http.client.HTTPSConnection(host, port, timeout=self._patience)
        return http.client.HTTPConnection(host, port, timeout=self._patience)


class _UnixConnection(http.client.HTTPConnection):
    """One to a socket in the file system."""

    def __init__(self, path: str, patience: float) -> None:
        super().__init__("localhost", timeout=patience)
        self._path = path

    def connect(self) -> None:
        """Open it."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def _is_one(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0 and url.isprintable()
    except ValueError:  # brackets that are no address, or a port that is no number
        return False


def _detail(content: bytes) -> str:
    """Return what a refusal says."""
    try:
        return str(json.loads(content)["detail"]).rstrip(".")
    except (ValueError, KeyError, TypeError):
        return "it does not say why"


def _words(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "nothing came in time"
    return (getattr(error, "strerror", None) or str(error) or type(error).__name__).rstrip(".")
