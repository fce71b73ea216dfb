"""What the live page costs a gateway of many routes: processor time with a page open, and without.

python -m tests.system.live_page_cost [--routes 5000] [--seconds 20] [--rate 200] [--pages 1]

One gateway, whose routes answer by themselves; a client asks routes in turn at a rate. Times are those of the gateway's
process, of several turns with and without a page; the figure is the difference of their medians, in parts of a core.
"""

from __future__ import annotations

import argparse
import socket
import statistics
import tempfile
import threading
import time
from contextlib import ExitStack
from pathlib import Path

import psutil

from tests.system.gateway_process import GatewayProcess, until

TURNS = 3


def page(port: int, ended: threading.Event) -> None:
    """Read the events as a page does."""
    with socket.create_connection(("127.0.0.1", port), 10) as connection:
        connection.sendall(b"GET /live/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        connection.settimeout(0.5)
        while not ended.is_set():
            try:
                if not connection.recv(1 << 20):
                    return
            except TimeoutError:
                continue


def load(port: int, routes: int, rate: float, ended: threading.Event) -> None:
    """Ask one route after the other."""
    with socket.create_connection(("127.0.0.1", port), 10) as connection:
        began, count = time.monotonic(), 0
        while not ended.is_set():
            due = began + count / rate
            ended.wait(max(0.0, due - time.monotonic()))
            connection.sendall(b"GET /r%d/x HTTP/1.1\r\nHost: localhost\r\n\r\n" % (count * 7 % routes))
            connection.recv(1 << 16)
            count += 1


def spent(gateway: GatewayProcess, seconds: float, pages: int) -> float:
    """Return the part of a core that the gateway takes, with pages open."""
    assert gateway.process is not None
    ended = threading.Event()
    readers = [threading.Thread(target=page, args=(gateway.admin_port, ended)) for _ in range(pages)]
    for reader in readers:
        reader.start()
    try:
        time.sleep(2)  # the first look is at all that ever was
        process = psutil.Process(gateway.process.pid)
        before, began = process.cpu_times(), time.monotonic()
        time.sleep(seconds)
        after, took = process.cpu_times(), time.monotonic() - began
        return (after.user + after.system - before.user - before.system) / took
    finally:
        ended.set()
        for reader in readers:
            reader.join()


def main() -> None:
    """Measure, and say what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--routes", type=int, default=5000)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--rate", type=float, default=200.0)
    parser.add_argument("--pages", type=int, default=1)
    said = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory, ExitStack() as stack:
        gateway = GatewayProcess(Path(directory))
        routes = [{"name": f"r{one}", "path": f"/r{one}/*", "respond": {"status": 200}} for one in range(said.routes)]
        gateway.configure(routes=routes, access_log={"enabled": False})
        stack.callback(gateway.stop)
        gateway.start(wait=False)
        until(gateway.answers, patience=120)
        memory = gateway.memory
        ended = threading.Event()
        caller = threading.Thread(target=load, args=(gateway.port, said.routes, said.rate, ended))
        caller.start()
        stack.callback(caller.join)
        stack.callback(ended.set)
        time.sleep(said.routes / said.rate if said.rate < said.routes else 1)  # each route has had a request
        pairs = [(spent(gateway, said.seconds, 0), spent(gateway, said.seconds, said.pages)) for _ in range(TURNS)]
        without, with_page = (statistics.median(one) for one in zip(*pairs, strict=True))
        what = f"{said.routes} routes, {said.rate:g} requests/s, {said.pages} page(s)"
        cost = f"{without:.2%} of a core without, {with_page:.2%} with, so {with_page - without:.2%}"
        print(f"{what}: {cost}; {memory / 1e6:.1f} MB before, {gateway.memory / 1e6:.1f} MB after")  # noqa: T201


if __name__ == "__main__":
    main()
