"""The kinds of source, by the names that `gateway import` knows them by.

A kind is a line of `KINDS`: in words what it is, what reads a file of it (`parts.read_part` where it is YAML, JSON or
TOML; a reader of another format makes nodes with places, so that what is not read is found there too), and a function
that loads its module and returns `fill(source, draft)` and its `HINTS`: what is known of keys that nothing reads.
Modules are loaded when their kind is wanted.

Tests: `tests/importing/test_kinds.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from gateway.importing.draft import Draft, Hint
from gateway.importing.parts import Source, read_part
from gateway.importing.refused import take_out

Fill = Callable[[Any, Draft], None]
"""Puts into a draft what a source says, as the reader of the kind has made it.

Raises `ConfigError` where the source is none of this kind.
"""


class Module(NamedTuple):
    """What a kind's module has."""

    fill: Fill
    hints: Mapping[str, Hint]


class Kind(NamedTuple):
    """One kind of source."""

    words: str
    read: Callable[[str], Source]
    load: Callable[[], Module]


def _read_nginx(file: str) -> Source:
    from gateway.importing.nginx.reading import read

    return read(file)


def _nginx() -> Module:
    from gateway.importing.nginx import kind

    return Module(kind.fill, kind.HINTS)


def _traefik() -> Module:
    from gateway.importing.traefik import kind

    return Module(kind.fill, kind.HINTS)


def _envoy() -> Module:
    from gateway.importing.envoy import kind

    return Module(kind.fill, kind.HINTS)


def _kong() -> Module:
    from gateway.importing.kong import source

    return Module(source.fill, source.HINTS)


def _openapi() -> Module:
    from gateway.importing.openapi import source

    return Module(source.fill, source.HINTS)


def _apisix() -> Module:
    from gateway.importing.apisix import source

    return Module(source.fill, source.HINTS)


KINDS: Final[dict[str, Kind]] = {
    "kong": Kind("Kong's declarative configuration, as deck writes it", read_part, _kong),
    "apisix": Kind("APISIX's standalone configuration, apisix.yaml", read_part, _apisix),
    "openapi": Kind("a description of an API, OpenAPI 3.0 or 3.1", read_part, _openapi),
    "envoy": Kind("the static resources of an Envoy, in YAML or JSON", read_part, _envoy),
    "nginx": Kind("a configuration of nginx, or a file of one with servers", _read_nginx, _nginx),
    "traefik": Kind("the file provider of Traefik 2 or 3, in YAML or TOML", read_part, _traefik),
}
"""By name."""


def convert(kind: str, file: str, kinds: Mapping[str, Kind] = KINDS) -> Draft:
    """Make a draft of a file.

    Args:
        kind: One of `kinds`, by name.
        file: Its name.
        kinds: Those that there are.

    Raises:
        ConfigError: The file cannot be read, or is none of this kind; each problem has its line.
    """
    chosen = kinds[kind]
    source = chosen.read(file)
    module = chosen.load()
    draft = Draft(kind, file)
    module.fill(source, draft)
    draft.list_unread(source, module.hints)
    take_out(draft)
    return draft
