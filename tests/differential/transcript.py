"""All that goes over the wires of gateways in memory, and their access logs, in a file: to be compared octet by octet.

Every write of both ends of every connection is in it, as it was cut, and how the connection ended. What clients and
backends send is there too, so that two transcripts are only equal where both gateways were given the same.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, BinaryIO

from gateway.memory.stand_ins import MemoryLog
from gateway.memory.transport import MemoryTransport

SECTION = b"\n== "
ENDINGS = ("loseConnection", "loseWriteConnection", "abortConnection")


class Transcript:
    """Written while gateways run.

    Args:
        file: What it is written to.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._write = file.write

    def section(self, title: str) -> None:
        """Begin another section: what two transcripts differ in is told by it."""
        self._write(SECTION + title.encode() + b"\n")

    def note(self, *parts: str | bytes) -> None:
        """Write a line."""
        self._write(b" ".join(part.encode() if isinstance(part, str) else part for part in parts) + b"\n")

    def watch(self) -> None:
        """Listen to every connection and every access log from now on, until the process ends.

        Tests make their gateways themselves, so nothing can be handed in: the classes' methods are replaced. They are
        of `gateway.memory`, which is never compiled.
        """
        wrapped: dict[str, Callable[..., Any]] = {name: getattr(MemoryTransport, name) for name in ENDINGS}
        write, log = MemoryTransport.write, MemoryLog.write

        def watched_write(end: MemoryTransport, data: bytes) -> None:
            self.note(f"{_place(end)} {len(data)}:", bytes(data))
            write(end, data)

        def watched_log(memory: MemoryLog, line: bytes) -> None:
            self.note("log:", line)
            log(memory, line)

        replaced = {"write": watched_write, **{name: self._ending(name, call) for name, call in wrapped.items()}}
        for name, method in replaced.items():
            setattr(MemoryTransport, name, method)
        setattr(MemoryLog, "write", watched_log)  # noqa: B010  # mypy would have it assigned to nobody

    def _ending(self, name: str, call: Callable[..., Any]) -> Callable[[MemoryTransport], None]:
        def ending(end: MemoryTransport) -> None:
            self.note(_place(end), name)
            call(end)

        return ending


def _place(end: MemoryTransport) -> str:
    return f"{end.getHost().port}>{end.getPeer().port}"


def difference(one: bytes, other: bytes) -> str:
    """Return the first section in which two transcripts differ and the first lines that do; empty if they are equal."""
    if one == other:
        return ""
    for here, there in zip(one.split(SECTION), other.split(SECTION), strict=False):
        if here != there:
            title, *lines = here.split(b"\n")
            other_title, *other_lines = there.split(b"\n")
            if title != other_title:
                return f"section {title!r}, section {other_title!r}"
            both = min(len(lines), len(other_lines))
            first = next((at for at in range(both) if lines[at] != other_lines[at]), both)
            before = [f"   {line!r}" for line in lines[max(0, first - 3) : first]]
            differ = [f"one   {lines[first : first + 1]}", f"other {other_lines[first : first + 1]}"]
            return "\n".join([f"section {title.decode()}", *before, *differ])
    return "one transcript goes on where the other ends"
