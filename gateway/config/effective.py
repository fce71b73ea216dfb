"""Settings written back: every key with the value in force, in the normal form, secrets masked."""

from __future__ import annotations

from typing import Any

import yaml

from gateway.config.schema import Settings


def effective(settings: Settings) -> dict[str, Any]:
    """Make plain data of settings, such as a file could hold."""
    data: dict[str, Any] = settings.model_dump(mode="json", by_alias=True, exclude_none=True)
    for route in data["routes"]:
        if len(route["upstream"]) == 1:
            route["upstream"] = route["upstream"][0]["name"]
    if settings.auth and settings.auth.api_keys and settings.auth.api_keys.query is None:
        data["auth"]["api_keys"]["query"] = None  # null says something here
    written: dict[str, Any] = _escaped(data)
    return written


def _escaped(value: Any) -> Any:
    """Double the `$` of a `${` that was meant literally; in transformations it was left as written."""
    if isinstance(value, str):
        return value.replace("${", "$${")
    if isinstance(value, list):
        return [_escaped(item) for item in value]
    if isinstance(value, dict):
        return {key: item if key == "transformations" else _escaped(item) for key, item in value.items()}
    return value


def as_yaml(settings: Settings) -> str:
    """Write settings as YAML."""
    return yaml.safe_dump(effective(settings), sort_keys=False, allow_unicode=True, width=120)
