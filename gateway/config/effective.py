"""Settings written back: every key with the value in force, in the normal form, secrets masked."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import yaml

from gateway.config.answers import ANSWERS, not_beside
from gateway.config.masking import hidden, mask
from gateway.config.schema import Settings
from gateway.config.schema.routes import Route
from gateway.config.schema.types import REVEALED
from gateway.config.schema.upstreams import Backend, Upstream
from gateway.config.substitution import RUNTIME_SECTIONS
from gateway.config.summary import target
from gateway.config.units import format_duration, format_size
from gateway.http.idn import for_people

PART = 10
"""Things of a list that are written at a time."""

_LONG = ("upstreams", "routes")


def effective(settings: Settings, *, revealed: bool = False) -> dict[str, Any]:
    """Make plain data of settings, such as a file could hold.

    Args:
        settings: The settings.
        revealed: Leave secrets as they are: for what is written down, and never shown.
    """
    data: dict[str, Any] = settings.model_dump(
        mode="json", by_alias=True, exclude_none=True, context={REVEALED: revealed}
    )
    if settings.auth and settings.auth.api_keys and settings.auth.api_keys.query is None:
        # null: keys are taken from no parameter. Left out, the key would mean its default.
        data["auth"]["api_keys"]["query"] = None
    if not revealed:
        mask(data, Settings)
    # What they say stands in the routes and upstreams that take it over: said twice, it could be taken for something
    # that still has to be.
    for key in ("defaults", "groups"):
        del data[key]
    _say_what_is_off(data, settings)
    for route in data["routes"]:
        route.pop("group", None)
        for key in ("host", "path", "listeners"):
            if len(route.get(key, ())) == 1:
                (route[key],) = route[key]
        if len(route["upstream"]) == 1:
            route["upstream"] = route["upstream"][0]["name"]
        elif not route["upstream"]:
            # What is for backends is refused beside an answer, defaults too.
            answer = next(key for key in ANSWERS if key in route)
            for key in ("upstream", *not_beside(answer)):
                route.pop(key, None)
    written: dict[str, Any] = _escaped(data)
    return written


def _say_what_is_off(data: dict[str, Any], settings: Settings) -> None:
    """Write null for what an upstream or a route has not: left out, the key would mean that of top level."""
    if settings.circuit_breaker is not None:
        for upstream, shown in zip(settings.upstreams, data["upstreams"], strict=True):
            if settings.breaker_of(upstream) is None:
                shown["circuit_breaker"] = None
    if settings.compression is not None:
        for route, shown in zip(settings.routes, data["routes"], strict=True):
            if settings.compression_of(route) is None:
                shown["compression"] = None


def in_parts(settings: Settings, *, revealed: bool = False) -> Generator[int, None, dict[str, Any]]:
    """Make what `effective` makes, some things of the long lists at a time.

    Yields how many they were each time, and returns what was made. Nothing else turns in this process while pydantic
    writes: of thousands of routes that takes most of a second.
    """
    shown = effective(settings.model_copy(update=dict.fromkeys(_LONG, ())), revealed=revealed)
    for key in _LONG:
        things = getattr(settings, key)
        for start in range(0, len(things), PART):
            some = things[start : start + PART]
            alone = settings.model_copy(update={**dict.fromkeys(_LONG, ()), key: some})
            shown[key] += effective(alone, revealed=revealed)[key]
            yield len(some)
    return shown


def at_once(settings: Settings, *, revealed: bool = False) -> dict[str, Any]:
    """Make what `effective` makes by parts, in a thread that lets others turn between them."""
    parts = in_parts(settings, revealed=revealed)
    while True:
        try:
            next(parts)
        except StopIteration as done:
            made: dict[str, Any] = done.value
            return made


def _escaped(value: Any) -> Any:
    """Double the `$` of a literal `${`, so that it can be read back; in transformations it is doubled still."""
    if isinstance(value, str):
        return value.replace("${", "$${")
    if isinstance(value, list):
        return [_escaped(item) for item in value]
    if isinstance(value, dict):
        return {key: item if key in RUNTIME_SECTIONS else _escaped(item) for key, item in value.items()}
    return value


def as_yaml(settings: Settings) -> str:
    """Write settings as YAML."""
    return yaml.safe_dump(effective(settings), sort_keys=False, allow_unicode=True, width=120)


def route_table(settings: Settings) -> list[dict[str, Any]]:
    """List the routes with everything that is decided about them, defaults put in; no columns that say nothing."""
    rows = [_row(route, settings) for route in settings.routes]
    in_vain = [] if any(route.group is not None for route in settings.routes) else ["group"]
    in_vain += [] if any(route.split_on is not None for route in settings.routes) else ["split_on"]
    in_vain += [] if any(route.mirror is not None for route in settings.routes) else ["mirror"]
    if len(settings.listeners) == 1 and all(route.listeners is None for route in settings.routes):
        in_vain.append("listeners")
    return [{key: cell for key, cell in row.items() if key not in in_vain} for row in rows]


def _row(route: Route, settings: Settings) -> dict[str, Any]:
    upstreams = {upstream.name: upstream for upstream in settings.upstreams}
    shares = route.upstreams
    limit = settings.limits.request_body if route.request_body is None else route.request_body
    conditions = [f"{name}: {hidden(value)}" for name, value in route.headers.items()]
    conditions += [f"?{name}={hidden(value)}" for name, value in route.query.items()]
    return {
        "name": route.name,
        "host": ", ".join(map(for_people, route.host or ["*"])),
        "path": route.pattern,
        "methods": ["GET"] if route.aggregate is not None else list(route.methods or ["*"]),
        "listeners": [listener.name for listener in settings.listeners if route.is_on(listener.name)],
        "group": route.group or "-",
        "match": conditions,
        "upstream": [f"{name} x{weight}" if len(shares) > 1 else name for name, weight in shares] or [target(route)],
        "split_on": route.split_on or "-",
        "mirror": "-" if route.mirror is None else route.mirror.upstream,
        "strategy": [_strategy(upstreams[name]) for name in route.forwards_to],
        "backends": [one for name in route.forwards_to for one in _backends(upstreams[name])],
        "timeout": format_duration(route.timeout),
        "body_limit": format_size(limit) if limit else "none",
    }


def _backends(upstream: Upstream) -> list[str]:
    found = upstream.discovery
    return [*map(_backend, upstream.backends), *([] if found is None else [f"found by {found.type}"])]


def _backend(backend: Backend) -> str:
    return f"{backend.url} (backup)" if backend.backup else backend.url


def _strategy(upstream: Upstream) -> str:
    sticky = upstream.sticky
    return upstream.strategy if sticky is None else f"{upstream.strategy}, sticky by {sticky.cookie}"
