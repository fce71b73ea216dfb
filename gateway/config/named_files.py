"""Which files a configuration names for reading: certificates, keys, authorities.

Asked by `gateway.composition.lifecycle`, so that they are watched as the configuration itself is. A key of type `File`
is found here by its type; nobody lists keys. What the gateway writes (a log, a database) is not among them.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any, get_args

from pydantic import BaseModel

from gateway.config.schema import Settings
from gateway.config.schema.types import FileName


def named_files(settings: Settings) -> set[str]:
    """Return the names of the files that keys of this configuration name; endpoint strings are not looked into."""
    modules = {plugin.file for plugin in settings.plugins if plugin.file is not None}
    return {*_found(settings), *modules}


def files_named_in(section: BaseModel) -> set[str]:
    """Return the names of the files that the keys of one section name."""
    return set(_found(section))


def lists_named_by(settings: Settings) -> set[str]:
    """Return those of which each line says something by itself: the front half is a good one with less in it."""
    basic = None if settings.auth is None else settings.auth.basic
    return set() if basic is None else {basic.users_file}


def _found(value: Any) -> Iterator[str]:
    if isinstance(value, BaseModel):
        for name, is_file in _leading(type(value)):
            inside = getattr(value, name)
            yield from _texts(inside) if is_file else _found(inside)
    elif isinstance(value, dict):
        for inside in value.values():
            yield from _found(inside)
    elif isinstance(value, (tuple, list, set, frozenset)):
        for inside in value:
            yield from _found(inside)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, (tuple, list)):
        for inside in value:
            yield from _texts(inside)
    elif isinstance(value, dict):
        yield from _texts([*value.values()])


@cache
def _leading(model: type[BaseModel]) -> tuple[tuple[str, bool], ...]:
    """Return the fields that are files, or that have such fields below them: ten thousand routes are not walked."""
    return tuple(
        (name, is_file)
        for name, field in model.model_fields.items()
        if (is_file := _is_file((field.annotation, field.metadata))) or _leads(field.annotation, frozenset([model]))
    )


def _leads(annotation: object, above: frozenset[type[BaseModel]]) -> bool:
    for each in _atoms(annotation):
        if isinstance(each, type) and issubclass(each, BaseModel) and each not in above:
            inner = above | {each}
            fields = each.model_fields.values()
            if any(_is_file((field.annotation, field.metadata)) or _leads(field.annotation, inner) for field in fields):
                return True
    return False


def _is_file(annotation: object) -> bool:
    return any(isinstance(each, FileName) and each.read for each in _atoms(annotation))


def _atoms(annotation: object) -> Iterator[object]:
    """Take an annotation apart: `tuple[Annotated[str, FileName()], ...] | None` has four."""
    inside = annotation if isinstance(annotation, (tuple, list)) else get_args(annotation)
    metadata = getattr(annotation, "__metadata__", ())
    if not inside:
        yield annotation
    for each in (*inside, *metadata):
        yield from _atoms(each)
