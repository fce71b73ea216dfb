"""Show where the gateway's time goes under load, module by module."""

from __future__ import annotations

import json
import os
import re
import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence

from benchmarks import figures, sampler, usage
from benchmarks.figures import Table
from benchmarks.peers import ROOT
from benchmarks.processes import Command
from benchmarks.proxies.base import Proxy
from benchmarks.scenarios.load import Load
from benchmarks.stand import Drive, Running, Stand
from benchmarks.workload import Task

_SAMPLES = "samples.json"


class Sampled:
    """A proxy that is a Python program, run under the sampler."""

    def __init__(self, proxy: Proxy) -> None:
        self.name = proxy.name
        self.does = proxy.does
        self.needs: Sequence[str] = proxy.needs
        self._proxy = proxy

    def can(self, task: Task) -> bool:
        """What the proxy can."""
        return self._proxy.can(task)

    def prepare(self, task: Task) -> Command:
        """Put the sampler in front of the proxy's own command."""
        command = self._proxy.prepare(task)
        script = list(command.argv)
        if script[0] == sys.executable:
            script = script[1:]
        path = os.pathsep.join(part for part in (command.env.get("PYTHONPATH"), str(ROOT)) if part)
        argv = [sys.executable, "-m", "benchmarks.sampler", str(task.directory / _SAMPLES), *script]
        return Command(argv, {**command.env, "PYTHONPATH": path}, command.cwd)


def run(stand: Stand, proxy: Proxy, scenario: Load, top: int = 30) -> list[Table]:
    """Load one proxy with the scenario, twice at the same time of day: as it is, and sampled.

    Raises:
        RuntimeError: The proxy does not start, or is no Python program.
    """
    drive = scenario.drive(stand)
    with scenario.started(stand, [proxy]) as running:
        if not running:
            raise RuntimeError(f"{proxy.name} does not run")
        each, kernel = _cost(running[0], drive, stand.seconds)
    with scenario.started(stand, [Sampled(proxy)]) as running:
        if not running:
            raise RuntimeError(f"{proxy.name} does not run under the sampler")
        drive(running[0], 1)
        os.kill(running[0].pid, sampler.RESET)
        drive(running[0], stand.seconds)
        samples = _collect(running[0])
    modules, functions = own_time(samples)
    title = (
        f"profile of {proxy.name}, {scenario.name}: {figures.micro(each)} µs CPU per request, "
        f"{kernel:.0%} of it in the kernel, {modules.total():,} samples"
    )
    return [
        Table(title + "; by module", ["module", "share", "µs/request"], _rows(modules, each, top)),
        Table(title + "; by function", ["function", "share", "µs/request"], _rows(functions, each, top)),
    ]


def own_time(samples: Iterable[tuple[str, str, int]]) -> tuple[Counter[str], Counter[str]]:
    """Add samples (file, function, count) up by module and by function."""
    modules: Counter[str] = Counter()
    functions: Counter[str] = Counter()
    for file, function, count in samples:
        module = short_module(file)
        modules[module] += count
        functions[f"{module}:{function}"] += count
    return modules, functions


def short_module(file: str) -> str:
    """A source file as a module name: `gateway.serving.http1_channel`, `twisted.internet.tcp`."""
    path = file.removeprefix(str(ROOT) + "/")
    path = re.sub(r".*/(?:site-packages|python3\.\d+)/", "", path)
    return path.removesuffix(".py").removesuffix("/__init__").lstrip("/").replace("/", ".")


def _cost(running: Running, drive: Drive, seconds: float) -> tuple[float, float]:
    """CPU seconds per request without the sampler, and the kernel's part of them."""
    drive(running, 1)
    before = usage.cpu(running.pid)
    load = drive(running, seconds)
    spent = usage.cpu(running.pid) - before
    return spent.total / load.requests, spent.system / spent.total


def _collect(running: Running) -> list[tuple[str, str, int]]:
    path = running.task.directory / _SAMPLES
    os.kill(running.pid, sampler.WRITE)
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if path.exists():
            return [(file, function, count) for file, function, count in json.loads(path.read_text())]
        time.sleep(0.05)
    raise RuntimeError(f"{running.proxy.name} wrote no samples: it has to be a Python program")


def _rows(samples: Counter[str], each: float, top: int) -> list[list[str]]:
    everything = samples.total() or 1
    return [
        [name, f"{count / everything:.1%}", figures.micro(each * count / everything)]
        for name, count in samples.most_common(top)
    ]
