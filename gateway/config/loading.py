"""From a path to settings, or to everything that is wrong: the steps in their order."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from gateway.config import (
    answers,
    cases,
    claim_headers,
    doubts,
    ignoring,
    inheritance,
    merging,
    overlays,
    overrides,
    packages,
    plugins,
    reading,
    references,
    sources,
    substitution,
    transformations,
    undecidable,
)
from gateway.config.nodes import Entry, MapNode, describe
from gateway.config.overlays import Overlay
from gateway.config.problems import ConfigError, Place, Problem, problem
from gateway.config.problems import reading as reading_one
from gateway.config.schema import Settings
from gateway.config.validation import Location, locate, validate
from gateway.config.writing import copied


class Loaded(NamedTuple):
    """What came of a configuration.

    Attributes:
        settings: What it says.
        doubts: What is doubtful about it.
        root: The tree, with everything taken over (`gateway.config.inheritance`).
        overlay: What the admin API has changed (`gateway.config.overlays`).
        overlay_path: Where that is kept.
        held: By section, the names that the files have.
        bare: The tree as it was written, without its long lists: what one of their things is judged by
            (`gateway.config.alone`).
        ignored: What is doubtful and, as a comment says, meant (`gateway.config.ignoring`).
    """

    settings: Settings
    doubts: list[Problem]
    root: MapNode
    overlay: Overlay
    overlay_path: Path | None
    held: Mapping[str, frozenset[str]]
    bare: MapNode
    ignored: list[Problem]


LISTS: Final = ("routes", "upstreams")
"""Keys of lists that may be long."""


def load(path: str | Path, environ: Mapping[str, str], *, supported_only: bool = True) -> Settings:
    """Read and check a configuration.

    Args:
        path: A YAML or JSON file, or a directory of them.
        environ: The environment; a `.env` beside the file comes after it.
        supported_only: Refuse keys whose feature needs a package that is not installed, and load plugins. False tells
            whether a configuration is well-formed, not whether it can be run here.

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
    return compose(sources.gather(Path(path), problems), environ, supported_only=supported_only, problems=problems)


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
    return compose(of_mapping(mapping, directory), environ or {}, supported_only=supported_only).settings


def of_mapping(mapping: Mapping[str, Any], directory: Path | None = None) -> sources.Sources:
    """Return a configuration that an application has made itself as it would be read."""
    source = sources.Source("mapping.json", json.dumps(mapping, indent=1))
    return sources.Sources((directory or Path()).absolute(), (source,), {})


def compose(
    found: sources.Sources,
    environ: Mapping[str, str],
    find: Callable[[Path | None], Overlay] = overlays.on_disk,
    *,
    supported_only: bool = True,
    problems: Iterable[Problem] = (),
    look: Callable[[MapNode], None] | None = None,
) -> Loaded:
    """Check a configuration that was read, with what the admin API has changed over it.

    Args:
        found: What was read.
        environ: For substitution and overrides.
        find: Returns the overlay; gets the file that the configuration names for it (`admin.overlay`).
        supported_only: As for `load`.
        problems: Those that there were when it was read.
        look: Is shown the tree of each file as it is written, before anything is put into it.

    Raises:
        ConfigError: It cannot be used.
    """
    with reading_one():
        return _composed(found, environ, find, list(problems), supported_only, look)


def _composed(
    found: sources.Sources,
    environ: Mapping[str, str],
    find: Callable[[Path | None], Overlay],
    problems: list[Problem],
    supported_only: bool,
    look: Callable[[MapNode], None] | None,
) -> Loaded:
    variables = {**found.variables, **environ}
    roots = [root for source in found.files if (root := _root(source, problems)) is not None]
    if look is not None:
        for one in roots:
            look(one)
    complete = not problems  # otherwise the names that seem to be missing may stand in a file that could not be read
    path = str(found.directory) if found.whole or not found.files else found.files[0].file
    root = merging.merge(roots, problems) if roots else MapNode(Place(path, 1, 1))
    if not (roots or complete):
        raise ConfigError(problems)
    aside: list[Problem] = []
    # After the overrides: a `${VAR}` that an override has replaced may be unset.
    overrides.apply(root, environ, aside)
    substitution.substitute(root, variables, aside)
    overlay_path = overlays.path_in(root, found, problems)
    overlay = find(overlay_path)
    if overlay.whole is None:
        problems.extend(aside)
    elif not problems:
        root = _in_place_of(root, overlay.whole, found.directory, problems)
        overrides.apply(root, environ, problems)
        substitution.substitute(root, variables, problems)
    root, held = overlay.over(root, variables, problems)
    as_written, root = root, inheritance.fill_in(root)
    settings = judge(root, found.directory, problems, complete=complete, supported_only=supported_only)
    if settings is not None and supported_only and settings.plugins:
        problems.extend(plugins.check(root, settings))  # whose code is loaded
    if problems:
        raise ConfigError(problems)
    assert settings is not None  # without it there is a problem
    settings.__dict__["places"] = dict(_places(root, settings))  # not by assignment, which settings refuse
    doubtful, ignored = ignoring.parted(
        [*overrides.misspelt(environ, Settings.model_fields), *doubts.check(root, settings, as_written)],
        ignoring.remarks(found.files),
    )
    if settings.strict and doubtful:
        raise ConfigError(doubtful)
    bare = MapNode(as_written.place, {key: entry for key, entry in as_written.entries.items() if key not in LISTS})
    return Loaded(settings, doubtful, root, overlay, overlay_path, held, bare, ignored)


def without_lists(settings: Settings) -> Settings:
    """Return the same settings with nothing in their long lists."""
    without = settings.model_copy()
    without.__dict__.update(dict.fromkeys(LISTS, ()))  # not by `update`, which would count the keys as written
    return without


def judge(
    root: MapNode, directory: Path, problems: list[Problem], *, complete: bool = True, supported_only: bool = True
) -> Settings | None:
    """Make settings of a tree with everything taken over, and say all that is wrong, but for the code of plugins.

    Args:
        root: The tree.
        directory: What relative file names are relative to.
        problems: Gets what is wrong.
        complete: Whether every name is there that may be said.
        supported_only: As for `load`.

    Returns:
        None where the schema cannot make settings of it.
    """
    with reading_one():
        return _judged(root, directory, problems, complete, supported_only)


def _judged(
    root: MapNode, directory: Path, problems: list[Problem], complete: bool, supported_only: bool
) -> Settings | None:
    settings = validate(root, directory, problems)
    if complete:
        problems.extend(references.check(root))
    if settings is not None:
        problems.extend(answers.check(root, settings))
        problems.extend(cases.check(root, settings))
        problems.extend(claim_headers.check(root, settings))
        problems.extend(undecidable.check(root, settings))
        problems.extend(transformations.check(root, settings))
    if supported_only:
        problems.extend(packages.check(root))
    return settings


def _places(root: MapNode, settings: Settings) -> Iterator[tuple[Location, tuple[str, int, int, str]]]:
    """Yield where that is written of which code from outside is made, as `gateway.config.schema.Settings.places`."""
    found: list[Location] = [("plugins", index, "class") for index in range(len(settings.plugins))]
    for location in found:
        place, path = locate(root, location)
        yield location, (*place, path)


def _in_place_of(files: MapNode, whole: MapNode, directory: Path, problems: list[Problem]) -> MapNode:
    """Return a whole configuration that sets the files aside; where the overlay is kept, they say nevertheless."""
    admin = files.get("admin")
    kept = admin.entries.get("overlay") if isinstance(admin, MapNode) else None
    root = copied(whole)
    assert isinstance(root, MapNode)  # as `whole` is
    own = root.get("admin")
    said = own.entries.get("overlay") if isinstance(own, MapNode) else None
    if said is not None and overlays.resolved(said.node, directory) != overlays.resolved(kept and kept.node, directory):
        wanted = "the file that the configuration's files name, or no such key"
        problems.append(problem(said.node.place, "admin.overlay", wanted, describe(said.node)))
    elif kept is not None and (own is None or isinstance(own, MapNode)):
        place, entries = (root.place, {}) if own is None else (own.place, own.entries)
        root.entries["admin"] = Entry(place, MapNode(place, entries | {"overlay": kept}))
    return root


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
