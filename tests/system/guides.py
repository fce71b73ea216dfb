"""Guides, done as they say: files are written, commands typed, what they print compared with what the page shows."""

from __future__ import annotations

import fnmatch
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from tests.system.gateway_process import CODE, PATIENCE, ROOT, TWISTD, until

_END = "that was it"
_HASH = re.compile(r"\$argon2id\$\S+")


class Command(NamedTuple):
    """A line that is typed, and what the page says it prints; `…` stands for anything."""

    typed: str
    printed: str


class Guide:
    """A reader who does what a page says.

    Args:
        page: Relative to the checkout.
        directory: Where they work.
        ports: Ports of the page, and those that they have instead.
    """

    def __init__(self, page: str, directory: Path, ports: Mapping[int, int]) -> None:
        self._text = (ROOT / page).read_text()
        self._directory = directory
        self._ports = ports
        self._hash = ""
        self._gateway: subprocess.Popen[bytes] | None = None
        environ = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "PYTHONPATH": CODE}
        self._shell = subprocess.Popen(
            ["bash"], cwd=directory, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def steps(self) -> Iterator[tuple[str, str]]:
        """Walk the blocks that are to be done: their kind, and what is in them."""
        for kind, block in re.findall(r"^```(yaml|console)\n(.*?)^```", self._text, re.DOTALL | re.MULTILINE):
            if kind == "console" or block.startswith("# gateway.yaml\n"):
                yield kind, block

    def follow(self) -> int:
        """Do everything; returns how many commands were typed."""
        typed = 0
        for kind, block in self.steps():
            if kind == "yaml":
                self._configure(block)
                continue
            for command in _commands(block):
                printed = self._type(self._mine(command.typed))
                expected = self._mine(command.printed)
                assert _alike(printed, expected), f"{command.typed}\n{printed}\ninstead of\n{expected}"
                found = _HASH.search(printed)
                self._hash = found[0] if found else self._hash
                typed += 1
        return typed

    def stop(self) -> None:
        """Leave, with all that was started in the background: it would outlive the test."""
        self._stop_gateway()
        if self._shell.poll() is None:
            self._type("jobs -p | xargs --no-run-if-empty kill; wait")
        assert self._shell.stdin is not None
        self._shell.stdin.close()
        self._shell.wait(PATIENCE)

    def _mine(self, text: str) -> str:
        for theirs, mine in self._ports.items():
            text = re.sub(rf"\b{theirs}\b", str(mine), text)
        return text

    def _type(self, line: str) -> str:
        assert self._shell.stdin is not None
        assert self._shell.stdout is not None
        self._shell.stdin.write(f"{line}\necho '{_END}'\n")
        self._shell.stdin.flush()
        printed = ""
        while not printed.endswith(f"{_END}\n"):
            read = self._shell.stdout.readline()
            assert read, f"the shell has ended: {line}"
            printed += read
        return printed.removesuffix(f"{_END}\n").strip()

    def _configure(self, block: str) -> None:
        """Write the configuration, with the hash that was printed, and have a gateway run with it."""
        self._stop_gateway()
        text = self._mine(_HASH.sub(lambda _: self._hash + '"', block))
        if "\nadmin:" not in text:
            text += f"\nadmin: {{endpoint: 'tcp:{self._ports[9090]}:interface=127.0.0.1'}}\n"
        (self._directory / "gateway.yaml").write_text(text)
        with (self._directory / "errors").open("ab") as errors:
            self._gateway = subprocess.Popen(
                [TWISTD, "--nodaemon", "--pidfile=", "gateway", "--config", "gateway.yaml"],
                cwd=self._directory,
                stdin=subprocess.DEVNULL,
                stdout=errors,
                stderr=errors,
                env={**os.environ, "PYTHONPATH": CODE},
            )
        ready = f"curl -s -o /dev/null -w '%{{http_code}}' http://127.0.0.1:{self._ports[9090]}/ready"
        until(lambda: self._type(ready) == "200", (self._directory / "errors").read_text())

    def _stop_gateway(self) -> None:
        if self._gateway is not None:
            self._gateway.send_signal(signal.SIGTERM)
            self._gateway.wait(PATIENCE)


def _commands(block: str) -> Iterator[Command]:
    for typed, printed in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", block, re.MULTILINE):
        here, end, after = printed.partition("END\n")
        if "<<" in typed:  # a document in place is typed too
            typed, printed = f"{typed}\n{here}{end.strip()}", after
        yield Command(typed, printed.strip())


def _alike(printed: str, expected: str) -> bool:
    parts = [re.sub(r"([\[\]*?])", r"[\1]", part) for part in expected.split("…")]
    return fnmatch.fnmatchcase(printed, "*".join(parts))
