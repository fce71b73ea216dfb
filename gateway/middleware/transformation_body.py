"""How a route changes JSON bodies: what a path leads to is taken out, renamed and put in, in this order.

Tests: `tests/flow/test_transformed_bodies.py::test_rules_for_bodies`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from gateway.errors import MalformedRequest, RequestTooLarge, TransformTooLarge
from gateway.exchange import Exchange
from gateway.http import json_paths
from gateway.http.codings import Longer, undo
from gateway.http.exact_json import NotJson, TooDeep, parse, write
from gateway.http.json_paths import Path

Make = Callable[[Exchange], Any]
"""Makes a value that is put in; a new one each time, since later rules may change it."""


class BodyRules:
    """Changes contents that are JSON.

    Args:
        removed: Paths.
        renamed: Old and new paths; up to the last `*` they are the same.
        added: Paths, and what is put there.
        most: Octets of a content, with its codings and without.
    """

    __slots__ = ("_added", "_removed", "_renamed", "most")

    def __init__(
        self,
        removed: Iterable[Path],
        renamed: Iterable[tuple[Path, Path]],
        added: Iterable[tuple[Path, Make]],
        most: int,
    ) -> None:
        self._removed = tuple(removed)
        self._renamed = tuple((old[: json_paths.wild(old)], *_from(old, new)) for old, new in renamed)
        self._added = tuple(
            (path[: json_paths.wild(path)], path[json_paths.wild(path) :], made) for path, made in added
        )
        self.most = most

    def apply(self, value: Any, exchange: Exchange) -> None:
        """Change a value in its place; what is no mapping and no list at the top has nothing to change.

        Raises:
            Longer: A rule would put in more than a content may have. A client chooses how many members a `*` finds and,
                with `${header.NAME}`, how long each text is: the product would be gigabytes.
        """
        for path in self._removed:
            json_paths.remove(value, path)
        for where, old, new in self._renamed:
            for one in json_paths.places(value, where):
                json_paths.rename(one, old, new)
        for where, path, make in self._added:
            found = json_paths.places(value, where)
            if len(found) > 1 and len(found) * len(write(make(exchange))) > self.most:
                raise Longer()
            for one in found:
                json_paths.put(one, path, make(exchange))

    def of_request(self, content: bytes, codings: bytes, exchange: Exchange) -> bytes:
        """Return the content for a backend, without codings.

        Raises:
            MalformedRequest: It is no JSON, or not coded as it says.
            RequestTooLarge: Its codings hide more than there may be, or rules would put in more.
        """
        try:
            plain = undo(content, codings, self.most)
            if plain is None:
                raise MalformedRequest("the content has a coding that is not known")
            value = parse(plain)
            self.apply(value, exchange)
        except Longer:
            raise RequestTooLarge() from None
        except TooDeep:
            raise MalformedRequest("the content is nested too deep") from None
        except ValueError as error:
            kind = "JSON" if isinstance(error, NotJson) else "what its Content-Encoding says"
            raise MalformedRequest(f"the content is not {kind}") from None
        return write(value)

    def of_answer(self, content: bytes, codings: bytes, exchange: Exchange) -> bytes | None:
        """Return the content for a client, without codings; None where it is no JSON, and goes on unchanged.

        Raises:
            TransformTooLarge: It is too long, or nested too deep, to be changed, or rules would put in more than it may
                have: nothing that a rule takes out passes.
        """
        try:
            plain = undo(content, codings, self.most)
            if plain is None:
                return None
            value = parse(plain)
            self.apply(value, exchange)
        except (Longer, TooDeep):
            raise TransformTooLarge() from None
        except ValueError:
            return None
        return write(value)


def _from(old: Path, new: Path) -> tuple[Path, Path]:
    """Return what stands behind the last `*` of two paths."""
    place = json_paths.wild(old)
    return old[place:], new[place:]
