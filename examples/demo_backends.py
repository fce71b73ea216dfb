"""Two small backends to put a gateway in front of, and the gateway with them.

    python examples/demo_backends.py -- twistd -n gateway --config etc/gateway.yaml

starts both, then the command, tells what to try as soon as the gateway takes
connections, and ends with the command. Ctrl-C or SIGTERM ends the command
first, so that it can drain with its backends still there. Without a command
the backends run until they are interrupted.

Each answers every request with JSON: its own name, and what reached it.
"""

from __future__ import annotations

import argparse
import json
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import FrameType

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
STARTUP = 30.0
"""Seconds that the gateway may take to open its port."""


class Echo(BaseHTTPRequestHandler):
    """Answer with what was asked."""

    protocol_version = "HTTP/1.1"
    server_version = "demo"
    wbufsize = -1  # head and body in one packet
    server: Backend

    def answer(self) -> None:
        """Tell the client who answers and what arrived."""
        told = {
            "backend": self.server.name,
            "method": self.command,
            "path": self.path,
            "headers": {name: ", ".join(self.headers.get_all(name, [])) for name in self.headers},
            "body": b"".join(self.body()).decode("utf-8", "replace"),
        }
        content = json.dumps(told, indent=2).encode() + b"\n"
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = answer

    def body(self) -> Iterator[bytes]:
        """Read the request's content, chunked or of known length."""
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            yield self.rfile.read(int(self.headers.get("Content-Length", 0)))
            return
        while size := int(self.rfile.readline().partition(b";")[0], 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass  # trailers

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name that http.server gives it
        """Say nothing: the gateway's access log is what the reader looks at."""


class Backend(ThreadingHTTPServer):
    """One backend on its own port and threads."""

    daemon_threads = True

    def __init__(self, name: str, interface: str, port: int) -> None:
        super().__init__((interface, port), Echo)
        self.name = name
        threading.Thread(target=self.serve_forever, name=name, daemon=True).start()


def lines_to_try(gateway: str) -> list[str]:
    """Name three requests that show the gateway at work."""
    return [
        f"curl -i http://{gateway}/api/users/7",
        f"""curl -d '{{"item": "tea"}}' http://{gateway}/api/orders""",
        f"curl http://{gateway}/metrics",
    ]


def run(command: Sequence[str], gateway: str) -> int:
    """Run a command beside the backends, and tell what to try once it serves.

    Returns:
        Its exit code, 0 where we were told to end it.
    """
    # A group of its own: Ctrl-C reaches us alone, and the command is told once.
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, process_group=0)
    asked: list[int] = []

    def end(number: int, _frame: FrameType | None) -> None:
        asked.append(number)
        # Who asks twice does not want to wait for the drain.
        child.send_signal(signal.SIGTERM if len(asked) == 1 else signal.SIGKILL)

    for number in ENDING:
        signal.signal(number, end)
    if serves(child, gateway):
        print("\nThe gateway is up; Ctrl-C ends it. Try:\n", *lines_to_try(gateway), sep="\n  ", end="\n\n", flush=True)
    code = child.wait()
    return 0 if asked else code


def serves(child: subprocess.Popen[bytes], gateway: str) -> bool:
    """Wait until the gateway takes connections; False if it ends before."""
    host, _, port = gateway.rpartition(":")
    deadline = time.monotonic() + STARTUP
    while time.monotonic() < deadline and child.poll() is None:
        try:
            socket.create_connection((host, int(port)), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return child.poll() is None
    return False


def main(arguments: Sequence[str]) -> int:
    """Start the backends and what belongs to them."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--interface", default="127.0.0.1", metavar="ADDRESS", help="where they listen (%(default)s)")
    parser.add_argument("--ports", type=int, nargs=2, default=[9001, 9002], metavar="PORT")
    parser.add_argument(
        "--gateway", default="127.0.0.1:8080", metavar="HOST:PORT", help="where the command will listen"
    )
    parser.add_argument("command", nargs="*", help="what to run in front of them, after --")
    options = parser.parse_args(arguments)
    if not options.command:
        # Held back from here on, in all threads, until `sigwait` takes one: a handler would race with the wait.
        signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
    for number, port in enumerate(options.ports, 1):
        try:
            backend = Backend(f"backend-{number}", options.interface, port)
        except OSError as error:
            print(f"cannot serve on {options.interface}:{port}: {error.strerror}", file=sys.stderr)
            return 1
        print(f"{backend.name} on http://{options.interface}:{backend.server_port}", flush=True)
    if options.command:
        return run(options.command, options.gateway)
    signal.sigwait(ENDING)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
