"""Everything that is doubtful about a configuration: what `gateway check` warns of, and what is only unwise.

One list, of one kind of thing: `gateway.config.doubts`, with `doubts.advice` and `doubts.secrets` behind it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from itertools import count
from pathlib import Path
from typing import Any, Final, NamedTuple

from gateway.config import ignoring, loading, reading, sources, unmasking
from gateway.config.doubts import placed
from gateway.config.doubts.advice import advice
from gateway.config.doubts.secrets import secrets
from gateway.config.effective import effective
from gateway.config.nodes import MapNode, to_data
from gateway.config.problems import Problem
from gateway.config.schema import Settings
from gateway.config.texts import MASK

_MADE_UP: Final = "a-secret-that-nobody-knows-as-long-as-a-key-of-HS512-has-to-be-or-longer"
"""Stands for a secret that is masked: 64 octets or more, since RFC 7518 section 3.2 asks that of HS512."""

_MADE_UP_HASHES: Final = {"hash": "sha256:{:064x}", "secret_hash": "scrypt:16384:8:1$nobody-knows${:064x}"}
"""Stand for hashes that are masked, by key: what does not have the form of a hash is refused."""


class Linted(NamedTuple):
    """What came of it.

    Attributes:
        loaded: The configuration.
        findings: What is doubtful, by file and line.
        ignored: What a comment says is meant.
        directory: Where it stands.
    """

    loaded: loading.Loaded
    findings: list[Problem]
    ignored: list[Problem]
    directory: Path


def lint(path: str | Path, environ: Mapping[str, str], beside: Path | None = None) -> Linted:
    """Read a configuration, and tell everything that is doubtful about it.

    Args:
        path: A file or a directory.
        environ: The environment.
        beside: What relative file names in it are relative to; the directory where it stands by default.

    Raises:
        gateway.config.ConfigError: It cannot be used.
    """
    problems: list[Problem] = []
    return _linted(sources.gather(Path(path), problems), environ, problems, beside)


def of_running(shown: Mapping[str, Any], name: str, new: Linted | None = None) -> Linted:
    """Read what a gateway shows of the configuration in force, in which secrets are masked.

    Args:
        shown: As `GET /config` of its admin port has it.
        name: What the place of its keys is called.
        new: Another configuration: where a mask stands at a place that has a secret there, it is taken to be that one.
            Without another one all secrets are made up.

    Raises:
        gateway.config.ConfigError: It cannot be used without its secrets.
    """
    data: Any = shown
    problems: list[Problem] = []
    root = None if new is None else reading.read(json.dumps(shown, ensure_ascii=False), name, problems)
    if new is not None and isinstance(root, MapNode):
        settings = new.loaded.settings
        secrets_of = unmasking.Shown(effective(settings), effective(settings, revealed=True))
        list(unmasking.unmask(root, Settings, secrets_of))  # a mask that stands for none is a secret all the same
        data = to_data(root)
    text = json.dumps(_without_masks(data, "", count(1)), indent=1, ensure_ascii=False)
    source = sources.Source(name, text)
    directory = Path().absolute() if new is None else new.directory
    return _linted(sources.Sources(directory, (source,), {}), {}, problems, None)


def _without_masks(value: Any, key: str, numbers: Iterator[int]) -> Any:
    """Make up a secret for each mask. No two are the same, since two API keys with one secret are refused."""
    if isinstance(value, dict):
        return {name: _without_masks(item, name, numbers) for name, item in value.items()}
    if isinstance(value, list):
        return [_without_masks(item, key, numbers) for item in value]
    if not isinstance(value, str) or MASK not in value:
        return value
    if value != MASK:  # a URL, in which one mask stands for user and password; it may be that of several places
        return value.replace(f"{MASK}@", f":{_MADE_UP}@").replace(MASK, _MADE_UP)
    return _MADE_UP_HASHES.get(key, _MADE_UP + "-{}").format(next(numbers))


def _linted(found: sources.Sources, environ: Mapping[str, str], problems: list[Problem], beside: Path | None) -> Linted:
    directory = found.directory
    if beside is not None:
        found = found._replace(directory=beside)
    in_files: list[Problem] = []
    # What is doubtful is told here, and not refused.
    loaded = loading.compose(
        found,
        {**environ, "GATEWAY__STRICT": "false"},
        problems=problems,
        look=lambda root: in_files.extend(secrets(root)),
    )
    more = [*placed(loaded.root, advice(loaded.settings)), *in_files]
    comments = ignoring.remarks(found.files)
    stay, gone = ignoring.parted(more, comments)
    gone += loaded.ignored
    findings = [*loaded.doubts, *stay, *ignoring.in_vain(comments, gone)]
    return Linted(loaded, sorted(dict.fromkeys(findings)), sorted(gone), directory)
