"""Settings of the access log into its step."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from gateway.config import Settings
from gateway.config.callers import places_of_tokens
from gateway.config.dry_runs import has_dry_runs
from gateway.config.records import record
from gateway.config.schema.auth import Auth
from gateway.http.redaction import query_redactor
from gateway.middleware.access_log import AccessLog, ChoosyAccessLog
from gateway.middleware.log_choice import LogChoice
from gateway.middleware.log_template import COMBINED, COMMON

_TEMPLATES = {"json": None, "combined": COMBINED, "common": COMMON}


def access_log(
    settings: Settings,
    log_access: Callable[[bytes], None],
    wall_clock: Callable[[], float],
    random: Callable[[], float],
) -> AccessLog | ChoosyAccessLog | None:
    """Make the step that logs exchanges; None where the configuration wants no access log.

    Args:
        settings: The configuration.
        log_access: Takes a line.
        wall_clock: Unix seconds.
        random: As `random.random`.
    """
    said = settings.access_log
    if not said.enabled:
        return None
    fields, parameters = _places(settings)
    options: dict[str, Any] = {
        "fields": record(said.record, said.fields, _more(settings)),
        "redact_headers": (*said.redact_headers, *fields),
        "redact_query": (*said.redact_query, *parameters),
        "wall_clock": wall_clock,
        "template": _TEMPLATES.get(said.format, said.format),
    }
    log = AccessLog(log_access, **options)
    if said.sample >= 1.0 and not said.min_status and not said.min_duration and not said.exclude_paths:
        return log
    wants = LogChoice(random, said.sample, said.min_status, said.min_duration, said.exclude_paths)
    if has_dry_runs(settings) or settings.plugins:  # what would have failed, and what has, without an error to show it
        return ChoosyAccessLog(
            lambda exchange: bool(exchange.dry_run or exchange.plugin_errors) or wants(exchange), log
        )
    return ChoosyAccessLog(wants, log)


def redacted_parameters(settings: Settings) -> tuple[str, ...]:
    """Return the parameters of queries that a configuration wants nobody to read, or that credentials come in."""
    return (*settings.access_log.redact_query, *sorted(_places(settings)[1]))


def redactor(settings: Settings) -> Callable[[], Callable[[bytes], str]]:
    """Return what makes, when it is wanted, what makes text of queries as the access log does.

    It holds names only: a route that is taken over goes on with it, and keeps nothing of the settings that it had.
    """
    return partial(query_redactor, sorted(set(redacted_parameters(settings))))


def _more(settings: Settings) -> tuple[str, ...]:
    """Return the fields about what not every configuration has."""
    dry_run = ("dry_run",) if has_dry_runs(settings) else ()
    plugins = ("plugin_errors",) if settings.plugins else ()
    parts = ("parts",) if any(route.aggregate is not None for route in settings.routes) else ()
    return (*dry_run, *plugins, *parts)


def _places(settings: Settings) -> tuple[set[str], set[str]]:
    """Return the fields and the parameters that credentials come in: they are not logged, whatever is configured."""
    auth = settings.auth or Auth.unwritten()
    fields = {name.lower() for name in places_of_tokens(auth, "header")}
    parameters = set(places_of_tokens(auth, "query"))
    if places_of_tokens(auth, "cookie"):
        fields.add("cookie")
    if auth.api_keys is not None:
        fields.add(auth.api_keys.header.lower())
        if auth.api_keys.query is not None:
            parameters.add(auth.api_keys.query)
    return fields, parameters
