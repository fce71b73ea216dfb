"""Secrets that stand in the files of a configuration, where a variable would keep them out.

Asked of the tree as it was read, before variables are put in.

Tests: `tests/config/test_linting.py::test_secrets_are_found_where_they_stand`.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache, reduce
from typing import NamedTuple
from urllib.parse import urlsplit

from gateway.config import catalog
from gateway.config.doubts.common import Step
from gateway.config.nodes import ListNode, MapNode, Node, ScalarNode, join
from gateway.config.problems import Place, Problem
from gateway.config.schema import Settings
from gateway.config.schema.base import Section

CODE = "secret-in-file"

_KEYS = frozenset({"secret", "token", "password", "key", "pepper", "client_secret"})
"""Of the keys that are masked, those that are nothing but a secret: others may hold one."""

_FIELDS = frozenset(
    {
        *("authorization", "proxy-authorization", "cookie", "x-api-key", "api-key", "x-auth-token", "x-access-token"),
        *("api_key", "apikey", "access_token", "auth_token", "token", "password", "secret", "client_secret"),
    }
)
"""Fields and parameters that hold one, among those of a key that is masked."""


class _Under(NamedTuple):
    """What the schema says of a key.

    Attributes:
        secret: Whether its value is masked.
        section: The section that its values are; None where there is none.
        between: How that is reached, as in `catalog.Below`.
    """

    secret: bool
    section: type[Section] | None
    between: str


def secrets(root: Node) -> Iterator[Problem]:
    """Yield the secrets of one file."""
    yield from _below(root, Settings, "", ())


def _below(node: Node, section: type[Section] | None, between: str, steps: tuple[Step, ...]) -> Iterator[Problem]:
    if isinstance(node, ListNode):
        for index, item in enumerate(node.items):
            yield from _below(item, section, between.removeprefix("[]"), (*steps, index))
    elif isinstance(node, ScalarNode):
        if "@" in node.text and _has_password(node.text):
            yield _found(node.place, steps, "a password stands in the URL")
    elif between.startswith(".*"):
        for key, entry in node.entries.items():
            yield from _below(entry.node, section, between[2:], (*steps, key))
    else:
        yield from _section(node, section, steps)


def _section(node: MapNode, section: type[Section] | None, steps: tuple[Step, ...]) -> Iterator[Problem]:
    for key, entry in node.entries.items():
        if not steps and key == "tests":
            continue  # what they show is made up
        under, here = _under(section, key), (*steps, key)
        if under.secret and isinstance(entry.node, MapNode):
            for name, field in entry.node.entries.items():
                if name.lower() in _FIELDS and isinstance(field.node, ScalarNode) and _stands(field.node.text):
                    yield _found(field.place, (*here, name), "a credential stands in the file")
        elif under.secret and isinstance(entry.node, ScalarNode) and key in _KEYS and _stands(entry.node.text):
            yield _found(entry.place, here, "a secret stands in the file")
        else:
            yield from _below(entry.node, under.section, under.between, here)


@cache
def _under(section: type[Section] | None, key: str) -> _Under:
    if section is None:
        return _Under(False, None, "")
    field = catalog.field_of(section, key)
    found = None if field is None else catalog.below(field.annotation)
    secret = section.other_names.get(key, key) in section.secret_keys
    return _Under(secret, None, "") if found is None else _Under(secret, found.section, found.between)


def _found(place: Place, steps: tuple[Step, ...], words: str) -> Problem:
    return Problem(*place, reduce(join, steps, ""), f"{words}: write `${{VARIABLE}}`", CODE)


def _has_password(text: str) -> bool:
    try:
        password = urlsplit(text).password if "://" in text else None
    except ValueError:
        return False
    return password is not None and _stands(password)


def _stands(text: str) -> bool:
    """Whether a text is a secret itself: neither empty, nor a variable, nor a pattern for any."""
    return bool(text) and "${" not in text and text != "*" and not text.startswith("~")
