"""A configuration that comes back as it was shown: where a secret was masked, it means the one in force there.

Asked of every body that the admin API gets, before it is judged. A mask is the whole value, `***` or as it is shown, or
a URL exactly as it is shown: a masked password at another host is refused, lest the secret goes to that host.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from gateway.config import catalog
from gateway.config.nodes import ListNode, MapNode, Node, ScalarNode, join
from gateway.config.problems import Problem, problem
from gateway.config.schema.base import Section
from gateway.config.texts import MASK

SHORT = "***"
"""What a person writes for a secret that shall stay."""

_CALLED = ("name", "id", "endpoint", "url")
"""Keys by one of which the members of a list are known, whatever their order."""


class Shown(NamedTuple):
    """What is in force at a place; None where nothing is.

    Attributes:
        masked: As it is shown.
        real: As it is.
    """

    masked: Any
    real: Any


class Below(NamedTuple):
    """What the schema says of a place.

    Attributes:
        section: The section that the values are; None where there is none.
        between: How it is reached, as in `catalog.Below`.
        secret: Whether all that stands here is secret.
    """

    section: type[Section] | None
    between: str = ""
    secret: bool = False


def unmask(node: Node, section: type[Section], shown: Shown, path: str = "") -> Iterator[Problem]:
    """Put secrets, in place, where a tree has masks; reports the masks that stand for none.

    Args:
        node: What was sent.
        section: What it is.
        shown: What is in force in its place.
        path: Its key.
    """
    yield from _walk(node, Below(section), shown, path)


def has_masks(node: Node) -> bool:
    """Whether there is a mask anywhere in a tree."""
    if isinstance(node, ScalarNode):
        return node.text == SHORT or MASK in node.text
    if isinstance(node, ListNode):
        return any(map(has_masks, node.items))
    return any(has_masks(entry.node) for entry in node.entries.values())


def _walk(node: Node, below: Below, shown: Shown, path: str) -> Iterator[Problem]:
    if isinstance(node, ScalarNode):
        yield from _scalar(node, below.secret, shown, path)
    elif isinstance(node, ListNode):
        inside = below._replace(between=below.between.removeprefix("[]"))
        for index, item in enumerate(node.items):
            yield from _walk(item, inside, _member(item, index, shown), join(path, index))
    else:
        for key, entry in node.entries.items():
            yield from _walk(entry.node, _under(below, key), _value(key, below, shown), join(path, key))


def _scalar(node: ScalarNode, secret: bool, shown: Shown, path: str) -> Iterator[Problem]:
    if node.text != SHORT and MASK not in node.text:
        return
    masked = isinstance(shown.masked, str) and MASK in shown.masked
    if node.text == SHORT and not (secret or masked):
        return  # three stars of a text that is no secret
    if masked and node.text in (SHORT, MASK, shown.masked):
        node.plain = not isinstance(shown.real, str)
        node.text = shown.real if isinstance(shown.real, str) else json.dumps(shown.real)
        return
    found = "a mask where no secret is in force" if not masked else "a mask, and something else than is in force"
    yield problem(node.place, path, "a value, or one masked as it was shown for the secret in force", found)


def _under(below: Below, key: str) -> Below:
    if below.secret:
        return below
    if below.between.startswith(".*"):
        return below._replace(between=below.between[2:])
    if below.section is None:
        return below
    key = below.section.other_names.get(key, key)
    field = catalog.field_of(below.section, key)
    found = catalog.below(field.annotation) if field is not None else None
    secret = key in below.section.secret_keys
    return Below(None, "", secret) if found is None else Below(found.section, found.between, secret)


def _value(key: str, below: Below, shown: Shown) -> Shown:
    if not isinstance(shown.masked, Mapping):
        return Shown(None, None)
    if below.section is not None and not below.between.startswith(".*"):
        key = below.section.other_names.get(key, key)
    return Shown(shown.masked.get(key), shown.real.get(key))


def _member(node: Node, index: int, shown: Shown) -> Shown:
    """Find the member of a list in force that a member of the one sent stands for: by name, where it has one."""
    if not isinstance(shown.masked, list):
        return Shown(None, None)
    if isinstance(node, MapNode):
        for key in _CALLED:
            called = node.get(key)
            if isinstance(called, ScalarNode):
                pairs = zip(shown.masked, shown.real, strict=True)
                same = (pair for pair in pairs if isinstance(pair[0], dict) and pair[0].get(key) == called.text)
                return Shown(*next(same, (None, None)))
    return Shown(shown.masked[index], shown.real[index]) if index < len(shown.masked) else Shown(None, None)
