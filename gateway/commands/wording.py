"""Words for people on a terminal: text that does nothing to it whoever has chosen it, and times as one reads them.

Used by every command that prints what came from a request, a file or a gateway that runs.
"""

from __future__ import annotations


def printable(text: str) -> str:
    """Return text that does nothing to a terminal: clients have chosen some of it."""
    return "".join(one if one.isprintable() else repr(one)[1:-1] for one in text)


def duration(milliseconds: float) -> str:
    """Return a time for people: `0.4 ms`, `12 ms`, `3.2 s`."""
    if milliseconds >= 10_000:
        return f"{milliseconds / 1e3:.0f} s"
    if milliseconds >= 1000:
        return f"{milliseconds / 1e3:.1f} s"
    return f"{milliseconds:.0f} ms" if milliseconds >= 10 else f"{milliseconds:.1f} ms"
