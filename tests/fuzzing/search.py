"""Search one target for what breaks it, guided by which lines of the gateway it reaches: a process of its own.

    python -m tests.fuzzing.search requests CORPUS -max_total_time=60

Atheris's libFuzzer takes the process over and ends it; what follows the target's name is for libFuzzer.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["gateway"]):
    from tests.fuzzing.targets import TARGETS


def main() -> None:
    """Search until libFuzzer has had its time, or has found something."""
    name, *arguments = sys.argv[1:]
    target = TARGETS[name]
    with tempfile.NamedTemporaryFile("w", suffix=".dict", delete=False) as words:
        for word in target.words:
            quoted = "".join(f"\\x{octet:02x}" for octet in word)
            words.write(f'"{quoted}"\n')
    atheris.Setup([f"fuzz {name}", *arguments, f"-dict={words.name}"], target.play)
    try:
        atheris.Fuzz()
    finally:
        Path(words.name).unlink(missing_ok=True)


if __name__ == "__main__":
    main()
