"""From a path to settings, or to everything that is wrong: the steps in their order."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from gateway.config import merging, overrides, reading, references, sources, substitution, unsupported
from gateway.config.nodes import MapNode, describe
from gateway.config.problems import ConfigError, Place, Problem, problem
from gateway.config.schema import Settings
from gateway.config.validation import validate


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
    problems: list[Problem] = []
    found = sources.gather(Path(path), problems)
    roots = [root for source in found.files if (root := _root(source, problems)) is not None]
    complete = not problems  # a file that could not be read may be the one with the names that others use
    root = merging.merge(roots, problems) if roots else MapNode(Place(str(path), 1, 1))
    settings = None
    if roots or complete:
        overrides.apply(root, environ, problems)
        # After the overrides: a variable that nothing needs any more may be unset.
        substitution.substitute(root, {**found.variables, **environ}, problems)
        settings = validate(root, found.directory, problems)
        if complete:
            problems.extend(references.check(root))
        if supported_only:
            problems.extend(unsupported.check(root))
    if problems:
        raise ConfigError(problems)
    assert settings is not None  # without it there is a problem
    return settings


def _root(source: sources.Source, problems: list[Problem]) -> MapNode | None:
    root = reading.read(source.text, source.file, problems)
    if root is None or isinstance(root, MapNode):
        return root
    if describe(root) != "nothing":
        problems.append(problem(root.place, "", "a mapping of sections", describe(root)))
    return None
