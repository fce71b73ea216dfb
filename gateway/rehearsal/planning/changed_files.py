"""Files that two configurations name alike and that hold something else: certificates, keys, users.

Tests: `tests/rehearsal/planning/test_changed_files.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from gateway.config import Settings
from gateway.config.named_files import named_files
from gateway.config.regular import read_regular


def changed_files(settings: Settings, before: Path, after: Path) -> Iterator[str]:
    """Yield the names, relative to the configuration, of the files that are there twice and hold something else.

    Args:
        settings: What names them, as if it stood in `after`.
        before: Where the first configuration stands.
        after: Where the second does.
    """
    if before == after:
        return
    for name in sorted(named_files(settings)):
        file = Path(name)
        if file.is_relative_to(after):
            inside = file.relative_to(after)
            was, now = _content(before / inside), _content(file)
            if was is not None and now is not None and was != now:
                yield str(inside)


def _content(file: Path) -> bytes | None:
    try:
        return read_regular(file)
    except OSError:
        return None  # a copy of the configuration alone, say: what its files held is not known
