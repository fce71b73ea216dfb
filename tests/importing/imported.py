"""Imports a text, for tests of what becomes of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gateway.importing.draft import Draft, Made
from gateway.importing.kinds import convert


def imported(kind: str, text: str, directory: Path) -> Draft:
    """Return the draft of a source with this text."""
    file = directory / "source.yaml"
    file.write_text(text)
    return convert(kind, str(file))


def left(draft: Draft) -> list[tuple[int, str]]:
    """Return the lines and paths of what was left out."""
    return [(one.place.line, one.what) for one in draft.in_order()]


def plain(value: Any) -> Any:
    """Return data without what each part was made from."""
    if isinstance(value, Made):
        return plain(value.data)
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    return [plain(one) for one in value] if isinstance(value, list) else value


def routes(draft: Draft) -> dict[str, Any]:
    """Return the routes by name."""
    return {made.data["name"]: plain(made) for made in draft.routes}


def upstreams(draft: Draft) -> dict[str, Any]:
    """Return the upstreams by name."""
    return {made.data["name"]: plain(made) for made in draft.upstreams}
