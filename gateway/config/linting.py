"""Everything that is doubtful about a configuration: what `gateway check` warns of, and what is only unwise.

One list, of one kind of thing: `gateway.config.doubts`, with `doubts.advice` and `doubts.secrets` behind it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from gateway.config import ignoring, loading, reading, sources
from gateway.config.doubts import placed
from gateway.config.doubts.advice import advice
from gateway.config.doubts.secrets import secrets
from gateway.config.problems import Problem


class Linted(NamedTuple):
    """What came of it.

    Attributes:
        loaded: The configuration.
        findings: What is doubtful, by file and line.
        ignored: What a comment says is meant.
    """

    loaded: loading.Loaded
    findings: list[Problem]
    ignored: list[Problem]


def lint(path: str | Path, environ: Mapping[str, str]) -> Linted:
    """Read a configuration, and tell everything that is doubtful about it.

    Args:
        path: A file or a directory.
        environ: The environment.

    Raises:
        gateway.config.ConfigError: It cannot be used.
    """
    problems: list[Problem] = []
    found = sources.gather(Path(path), problems)
    # What is doubtful is told here, and not refused.
    loaded = loading.compose(found, {**environ, "GATEWAY__STRICT": "false"}, problems=problems)
    more = list(placed(loaded.root, advice(loaded.settings)))
    for source in found.files:
        root = reading.read(source.text, source.file, [])
        more += [] if root is None else secrets(root)
    comments = ignoring.remarks(found.files)
    stay, gone = ignoring.parted(more, comments)
    gone += loaded.ignored
    findings = [*loaded.doubts, *stay, *ignoring.in_vain(comments, gone)]
    return Linted(loaded, sorted(dict.fromkeys(findings)), sorted(gone))
