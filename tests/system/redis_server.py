"""A Redis server of a test's own: started, stopped, paused and started again."""

from __future__ import annotations

import contextlib
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.system.gateway_process import PATIENCE, until
from tests.system.ports import free_port


class RedisServer:
    """One `redis-server` (or `valkey-server`) on a port of its own.

    Args:
        directory: Where it keeps its files.
        sentinel: Whether it is one, and keeps no data.
        options: More of its options, without the dashes: `requirepass="secret"`.

    Attributes:
        port: Its port, TLS or not.
        url: For `redis.url`.
        log: What it said.
    """

    def __init__(self, directory: Path, *, sentinel: bool = False, **options: str) -> None:
        program = shutil.which("redis-server") or shutil.which("valkey-server")
        assert program is not None, "no Redis server on PATH: `make test` installs one"
        self.port = free_port()
        self.log = directory / "redis.log"
        self._directory = directory
        tls = "tls-cert-file" in {name.replace("_", "-") for name in options}
        self.url = f"redi{'ss' if tls else 's'}://127.0.0.1:{self.port}/0"
        given = {
            "bind": "127.0.0.1",
            "port": "0" if tls else str(self.port),
            **({"tls-port": str(self.port), "tls-auth-clients": "no"} if tls else {}),
            # A replica is served at once, and not after the five seconds in which others might come.
            **({} if sentinel else {"save": "", "repl-diskless-sync-delay": "0"}),
            "dir": str(directory),
            **{name.replace("_", "-"): value for name, value in options.items()},
        }
        mode = []
        if sentinel:  # it writes down what it is told
            (directory / "sentinel.conf").write_text("")
            mode = [str(directory / "sentinel.conf"), "--sentinel"]
        self._command = [program, *mode, *(part for name, value in given.items() for part in (f"--{name}", value))]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> RedisServer:
        """Start it, and wait until it accepts connections."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        until(self._accepts, "the Redis server does not answer")
        return self

    def kill(self) -> None:
        """End it as a crash does."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(PATIENCE)

    def pause(self) -> None:
        """Let it stand still, connections and all."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def say(self, *words: str) -> bytes:
        """Send it a command in the clear; gives the raw answer."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE) as connection:
            connection.sendall(b"*%d\r\n" % len(words))
            for word in words:
                connection.sendall(b"$%d\r\n%b\r\n" % (len(word.encode()), word.encode()))
            return connection.recv(65536)

    def _accepts(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.log.read_text()
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
            return True
        return False


@contextlib.contextmanager
def redis_server(directory: Path, *, sentinel: bool = False, **options: str) -> Iterator[RedisServer]:
    """Run a Redis server for as long as the block lasts."""
    server = RedisServer(directory, sentinel=sentinel, **options).start()
    try:
        yield server
    finally:
        server.resume()
        server.kill()
