"""From a path to settings, or to everything that is wrong: the steps in their order."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from gateway.config import (
    answers,
    claim_headers,
    doubts,
    inheritance,
    merging,
    overrides,
    plugins,
    reading,
    references,
    sources,
    substitution,
    transformations,
    undecidable,
    unsupported,
)
from gateway.config.nodes import MapNode, describe
from gateway.config.problems import ConfigError, Place, Problem, problem
from gateway.config.schema import Settings
from gateway.config.validation import validate


class Loaded(NamedTuple):
    """What came of a configuration.

    Attributes:
        settings: What it says.
        doubts: What is doubtful about it.
        root: The tree, with everything taken over (`gateway.config.inheritance`).
    """

    settings: Settings
    doubts: list[Problem]
    root: MapNode


def load(path: str | Path, environ: Mapping[str, str], *, supported_only: bool = True) -> Settings:
    """Read and check a configuration.

    Args:
        path: A YAML or JSON file, or a directory of them.
        environ: The environment; a `.env` beside the file comes after it.
        supported_only: Refuse documented keys whose feature this version lacks. False tells whether a
            configuration is well-formed, not whether it can be run.

    Raises:
        ConfigError: It cannot be used; all that is wrong is in its `problems`.
    """
    return load_with_doubts(path, environ, supported_only=supported_only)[0]


def load_with_doubts(
    path: str | Path, environ: Mapping[str, str], *, supported_only: bool = True
) -> tuple[Settings, list[Problem]]:
    """Read and check a configuration as `load` does; returns also what is doubtful about it (`gateway.config.doubts`).

    Raises:
        ConfigError: It cannot be used, or is `strict` and doubtful.
    """
    loaded = load_with_places(path, environ, supported_only=supported_only)
    return loaded.settings, loaded.doubts


def load_with_places(path: str | Path, environ: Mapping[str, str], *, supported_only: bool = True) -> Loaded:
    """Read and check a configuration as `load_with_doubts` does; returns also where everything was written.

    Raises:
        ConfigError: It cannot be used, or is `strict` and doubtful.
    """
    problems: list[Problem] = []
    return _settings(sources.gather(Path(path), problems), str(path), environ, supported_only, problems)


def from_mapping(
    mapping: Mapping[str, Any],
    environ: Mapping[str, str] | None = None,
    directory: Path | None = None,
    *,
    supported_only: bool = True,
) -> Settings:
    """Check a configuration that an application has made itself.

    Args:
        mapping: What a file would hold; anything that JSON can say.
        environ: For substitution and overrides; none by default.
        directory: What relative file names are relative to; the working directory by default.
        supported_only: As for `load`.

    Raises:
        ConfigError: It cannot be used; places are those in the mapping written as JSON, a line a value.
    """
    file = "mapping.json"
    source = sources.Source(file, json.dumps(mapping, indent=1))
    found = sources.Sources((directory or Path()).absolute(), (source,), {})
    return _settings(found, file, environ or {}, supported_only, []).settings


def _settings(
    found: sources.Sources, path: str, environ: Mapping[str, str], supported_only: bool, problems: list[Problem]
) -> Loaded:
    roots = [root for source in found.files if (root := _root(source, problems)) is not None]
    complete = not problems  # otherwise the names that seem to be missing may stand in a file that could not be read
    root = merging.merge(roots, problems) if roots else MapNode(Place(path, 1, 1))
    as_written, settings = root, None
    if roots or complete:
        overrides.apply(root, environ, problems)
        # After the overrides: a `${VAR}` that an override has replaced may be unset.
        substitution.substitute(root, {**found.variables, **environ}, problems)
        as_written, root = root, inheritance.fill_in(root)
        settings = validate(root, found.directory, problems)
        if complete:
            problems.extend(references.check(root))
        if settings is not None:
            problems.extend(answers.check(root, settings))
            problems.extend(claim_headers.check(root, settings))
            problems.extend(undecidable.check(root, settings))
            problems.extend(transformations.check(root, settings))
            if supported_only and settings.plugins:
                problems.extend(plugins.check(root, settings))  # whose code is loaded
        if supported_only:
            problems.extend(unsupported.check(root))
    if problems:
        raise ConfigError(problems)
    assert settings is not None  # without it there is a problem
    doubtful = [
        *overrides.misspelt(environ, Settings.model_fields),
        *doubts.check(root, settings, as_written),
    ]
    if settings.strict and doubtful:
        raise ConfigError(doubtful)
    return Loaded(settings, doubtful, root)


def _root(source: sources.Source, problems: list[Problem]) -> MapNode | None:
    if not source.text.strip():
        # Note [An empty file is one that is being written]
        # Programs empty a file before they fill it, and a full disk leaves it so. Taken for a configuration it would
        # put defaults in the place of everything. Whoever means that writes `{}`.
        problems.append(_nothing(source, "an empty file"))
        return None
    before = len(problems)
    root = reading.read(source.text, source.file, problems)
    if isinstance(root, MapNode):
        return root
    if root is None or describe(root) == "nothing":
        # In a directory too: the routes that the file held may be the protected ones.
        if len(problems) == before:
            problems.append(_nothing(source, "comments only"))
    else:
        problems.append(problem(root.place, "", "a mapping of sections", describe(root)))
    return None


def _nothing(source: sources.Source, found: str) -> Problem:
    return problem(Place(source.file, 1, 1), "", "a configuration (`{}` for one that says nothing)", found)
