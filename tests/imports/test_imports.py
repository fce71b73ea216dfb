"""Imports of whole files: the results are those that somebody has looked at, are good, and pass their own tests."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from gateway.config.linting import lint
from gateway.config.loading import load_with_places
from gateway.config.nodes import Entry, ListNode, MapNode, Node, ScalarNode, join
from gateway.importing.draft import Draft
from gateway.importing.kinds import KINDS, convert
from gateway.importing.parts import Part
from gateway.importing.writing import as_yaml
from gateway.rehearsal.judging import judge
from gateway.rehearsal.start import rehearse
from tests.imports.goldens import END, HERE, draft, environment, sources

PLANTED = "planted-key"

UNWISE = {
    "jwt-audience",  # no source of Kong or APISIX names an audience
    "jwt-issuer",  # nor does a description, of a token that is only `bearer`, an issuer
    "cors-any-origin",
    "nobody-admitted",  # a route whose protection could not be carried over
    "tls-unverified",
    "listener-routes",  # entry points of Traefik's keep routers apart less than they seem to
    "sticky",  # the secret of a cookie is in no file of Traefik's or Envoy's
}
"""What lint may find, since the source says so."""


def loaded(source: Path, directory: Path) -> tuple[Draft, Path]:
    """Write a result to a file, with the variables that it needs beside it."""
    made = draft(source)
    file = directory / "gateway.yaml"
    file.write_text(as_yaml(made))
    (directory / ".env").write_text("".join(f"{name}={value}\n" for name, value in environment(made).items()))
    return made, file


@pytest.mark.parametrize("source", sources(), ids=str)
def test_the_result_is_the_one_that_was_looked_at(source: Path) -> None:
    """Line by line; `python -m tests.imports.goldens` makes it anew."""
    assert as_yaml(draft(source)) == (HERE / f"{source}{END}").read_text()


@pytest.mark.parametrize("source", sources(), ids=str)
def test_the_result_could_be_started(source: Path, tmp_path: Path) -> None:
    """`gateway check` and `gateway lint` find nothing but what the source says itself."""
    _, file = loaded(source, tmp_path)

    failures, _ = rehearse(load_with_places(file, {}))

    assert failures == []
    assert {one.code for one in lint(str(file), {}).findings} <= UNWISE


@pytest.mark.parametrize("source", sources(), ids=str)
def test_the_result_does_what_the_source_says(source: Path, tmp_path: Path) -> None:
    """Its tests pass, and each route has one."""
    made, file = loaded(source, tmp_path)
    settings = load_with_places(file, {}).settings

    verdicts = list(judge(settings, range(len(settings.tests)), 1))

    assert [settings.tests[one.index].title for one in verdicts if not one.passed] == []
    assert len(verdicts) == len(made.tests)


@pytest.mark.parametrize("kind", list(KINDS))
def test_each_kind_has_a_source(kind: str) -> None:
    """A kind without one would be tested by none of these."""
    assert kind in {source.parts[0] for source in sources()}


@pytest.mark.parametrize("source", sources(), ids=str)
def test_a_key_that_nobody_knows_is_listed_wherever_it_stands(source: Path) -> None:
    """Planted into each mapping in turn, it is listed with its line, or a part around it is, or it is in the result."""
    kind = KINDS[source.parts[0]]
    whole = kind.read(str(HERE / source))
    if not isinstance(whole, Part):
        pytest.skip("no YAML: tests/importing/nginx/test_kind.py")
    silent = []
    for path, node in list(mappings(whole.node, "")):
        node.entries[PLANTED] = Entry(node.place, ScalarNode(node.place, "planted", plain=False))
        chosen = kind._replace(read=partial(_again, whole))
        made = convert(source.parts[0], str(HERE / source), {source.parts[0]: chosen})
        del node.entries[PLANTED]
        around = tuple(one.what.removesuffix(" (test)") for one in made.left)
        listed = any(join(path, PLANTED).startswith(what) for what in around)
        if not listed and "planted" not in as_yaml(made) and not set(made.passed) & set(re.split(r"[.\[\]']+", path)):
            silent.append(path)

    assert silent == []


def _again(whole: Part, file: str) -> Part:
    """Return a source as if nobody had read it."""
    return Part(whole.node, whole.place)


def mappings(node: Node, path: str) -> Iterator[tuple[str, MapNode]]:
    """Every mapping of a tree, with its path."""
    if isinstance(node, MapNode):
        yield path, node
        for key, entry in node.entries.items():
            yield from mappings(entry.node, join(path, key))
    elif isinstance(node, ListNode):
        for index, item in enumerate(node.items):
            yield from mappings(item, join(path, index))
