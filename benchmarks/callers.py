"""A connection to each worker of a gateway, and how long it takes until all of them answer in another way."""

from __future__ import annotations

import http.client
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

import psutil

from benchmarks import usage
from benchmarks.processes import CannotStart
from benchmarks.stand import Running

_ATTEMPTS = 200
_PATIENCE = 30.0

Caller = http.client.HTTPConnection


@contextmanager
def one_for_each(running: Sequence[Running], workers: int) -> Iterator[list[Caller]]:
    """Open connections to some instances until there is one to each of their workers.

    Args:
        running: The instances.
        workers: Of each of them.

    Raises:
        CannotStart: The kernel gives one worker none of two hundred.
    """
    with ExitStack() as stack:
        found: list[Caller] = []
        for one in running:
            by_worker: dict[int, Caller] = {}
            for _ in range(_ATTEMPTS):
                caller = Caller("127.0.0.1", one.task.port, timeout=_PATIENCE)
                stack.callback(caller.close)
                status(caller, "/api/users/42", {})  # it was accepted: a worker has it
                process = worker_of(one, caller.sock.getsockname()[1])
                if process is not None:
                    by_worker.setdefault(process, caller)
                if len(by_worker) == workers:
                    break
            else:
                raise CannotStart(f"{one.proxy.name}: {len(by_worker)} of {workers} workers accept connections")
            found += by_worker.values()
        yield found


def worker_of(running: Running, port: int) -> int | None:
    """Return the PID of the process that has the other end of a connection.

    Args:
        running: The instance.
        port: That of the client.
    """
    for process in usage.tree(running.pid):
        try:
            there = process.net_connections("tcp")
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
        # What listens has an empty tuple for the other end.
        far = [getattr(one.raddr, "port", None) for one in there if one.laddr.port == running.task.port]
        if port in far:
            return process.pid
    return None


def status(caller: Caller, path: str, fields: dict[str, str]) -> int:
    """Ask for a path, and return the status of the answer.

    Raises:
        CannotStart: The connection does not stay: another one might come to another worker.
    """
    caller.request("GET", path, headers=fields)
    answer = caller.getresponse()
    answer.read()
    if caller.sock is None:
        raise CannotStart(f"the connection is closed after a {answer.status}")
    return answer.status


def all_answer(callers: Sequence[Caller], path: str, fields: dict[str, str], wanted: int) -> float:
    """Ask each again and again until all give a status; returns the moment at which the last one did.

    Raises:
        CannotStart: One does not within half a minute.
    """
    left = list(callers)
    deadline = time.monotonic() + _PATIENCE
    while left:
        left = [caller for caller in left if status(caller, path, fields) != wanted]
        if time.monotonic() > deadline:
            raise CannotStart(f"{len(left)} of {len(callers)} workers do not answer {path} with {wanted}")
    return time.monotonic()
