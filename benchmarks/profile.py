"""Show where the gateway's time goes under load, module by module.

py-spy looks into the running process from outside, so what is measured is the
gateway as it runs in the comparison. A sample belongs to the innermost Python
function: what it calls in C (sending, parsing) counts as its own.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from benchmarks import figures, procfs, wrk
from benchmarks.figures import Table
from benchmarks.peers import ROOT
from benchmarks.proxies.base import Proxy
from benchmarks.scenarios.load import Load
from benchmarks.stand import Running, Stand

_RATE = 250
_FRAME = re.compile(r"(?P<function>.*) \((?P<file>[^()]*?)(?::\d+)?\)$")


def run(stand: Stand, proxy: Proxy, scenario: Load, top: int = 30) -> list[Table]:
    """Load one proxy with the scenario twice: to count its CPU undisturbed, then to sample it.

    Raises:
        RuntimeError: py-spy is missing or cannot look into the process, or the proxy does not start.
    """
    method = "POST" if scenario.upload else "GET"
    lua = stand.lua(scenario.name, wrk.script(stand.headers, method, scenario.upload))
    with stand.started([proxy], tls=scenario.tls) as running:
        if not running:
            raise RuntimeError(f"{proxy.name} does not run")
        stand.warm_up(running[0], scenario.path, lua, scenario.connections)
        before = procfs.cpu(running[0].pid)
        load = wrk.run(running[0].task.url(scenario.path), lua, stand.seconds, scenario.connections)
        spent = procfs.cpu(running[0].pid) - before
        stacks = _sample(stand, running[0], scenario, lua)
    each = spent.total / load.requests
    modules, functions = own_time(stacks.splitlines())
    title = (
        f"profile of {proxy.name}, {scenario.name}: {figures.micro(each)} µs CPU per request, "
        f"of which {spent.system / spent.total:.0%} in the kernel"
    )
    return [
        Table(title + "; by module", ["module", "share", "µs/request"], _rows(modules, each, top)),
        Table(title + "; by function", ["function", "share", "µs/request"], _rows(functions, each, top)),
    ]


def own_time(stacks: Iterable[str]) -> tuple[Counter[str], Counter[str]]:
    """Count samples by innermost module and function, from py-spy's raw format: `a (f);b (g) COUNT`."""
    modules: Counter[str] = Counter()
    functions: Counter[str] = Counter()
    for line in stacks:
        stack, _, count = line.rpartition(" ")
        frame = _FRAME.match(stack.rpartition(";")[2])
        if frame and count.isdigit():
            module = short_module(frame["file"])
            modules[module] += int(count)
            functions[f"{module}:{frame['function']}"] += int(count)
    return modules, functions


def short_module(file: str) -> str:
    """A source file as a module name: `gateway.listening.channel`, `twisted.internet.tcp`."""
    path = file.removeprefix(str(ROOT) + "/")
    path = re.sub(r".*/(?:site-packages|python3\.\d+)/", "", path)
    return path.removesuffix(".py").removesuffix("/__init__").lstrip("/").replace("/", ".")


def _sample(stand: Stand, running: Running, scenario: Load, lua: Path) -> str:
    py_spy = shutil.which("py-spy", path=str(Path(sys.executable).parent)) or shutil.which("py-spy")
    if py_spy is None:
        raise RuntimeError("py-spy is not installed in the development environment")
    raw = running.task.directory / "stacks.txt"
    argv = [py_spy, "record", "--format", "raw", "--function", "--rate", str(_RATE), "--nonblocking"]
    argv += ["--pid", str(running.pid), "--duration", str(max(1, round(stand.seconds))), "--output", str(raw)]
    with subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as sampler:
        wrk.run(running.task.url(scenario.path), lua, stand.seconds + 1, scenario.connections)
        try:
            _, said = sampler.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            sampler.kill()
            raise RuntimeError("py-spy did not end") from None
    if not raw.exists():
        raise RuntimeError(f"py-spy: {said.strip()}")
    return raw.read_text()


def _rows(samples: Counter[str], each: float, top: int) -> list[list[str]]:
    everything = samples.total() or 1
    return [
        [name, f"{count / everything:.1%}", figures.micro(each * count / everything)]
        for name, count in samples.most_common(top)
    ]
