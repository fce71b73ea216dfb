"""What a `Forwarded` field says (RFC 7239): of what was asked for, and of who asks.

A trusted proxy may pass on what its client wrote there, so none of it is taken for true here.

Tests: `tests/http/test_forwarded_field.py`.
"""

from __future__ import annotations

import re
from typing import Final

_PAIR: Final = re.compile(
    rb"[ \t]*(?:([!#$%&'*+.^_`|~0-9A-Za-z-]+)=(\"(?:[^\"\\]|\\.)*\"|[^\s;,\"\\]*))?[ \t]*([;,]|\Z)", re.DOTALL
).match
_OF_TARGET: Final = frozenset([b"host", b"proto"])
_KNOWN: Final = _OF_TARGET | {b"for"}
_PORT: Final = re.compile(rb":[0-9_A-Za-z.-]*\Z").sub


def _elements(value: bytes) -> list[list[tuple[bytes, bytes, bytes]]] | None:
    """Return the parameters of each hop: lower-case name, what is written of it, value. None for what has no form."""
    elements: list[list[tuple[bytes, bytes, bytes]]] = [[]]
    place = 0
    while place < len(value):
        found = _PAIR(value, place)
        if found is None:
            return None
        name, said, end = found.groups()
        if name is not None:
            elements[-1].append((name.lower(), name + b"=" + said, said))
        if end == b",":
            elements.append([])
        place = found.end()
    return elements


def of_target(value: bytes) -> bytes:
    """Return a `Forwarded` with nothing but the hosts and schemes that were asked for; empty where it says none.

    Args:
        value: Of the field, or of several, joined.
    """
    said = [
        b";".join([written for name, written, _ in element if name in _OF_TARGET]) for element in _elements(value) or ()
    ]
    return b", ".join([element for element in said if element])


def names_only(value: bytes, client: bytes) -> bool:
    """Whether a `Forwarded` names no client but one, and says nothing else but what was asked for.

    Args:
        value: Of the field, or of several, joined.
        client: An IP address.
    """
    elements = _elements(value)
    if elements is None:
        return False
    said = [parameter for element in elements for parameter in element]
    return all(name in _KNOWN and (name != b"for" or _node(node) == client) for name, _, node in said)


def _node(said: bytes) -> bytes:
    """Return the address of a node, without quotes, brackets and port."""
    node = said.strip(b'"')
    if node.startswith(b"["):
        return node[1:].partition(b"]")[0]
    return _PORT(b"", node) if node.count(b":") == 1 else node
