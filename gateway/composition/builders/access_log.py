"""Settings of the access log into its step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gateway.config import Settings
from gateway.config.dry_runs import has_dry_runs
from gateway.config.schema.telemetry import DEFAULT_RECORD
from gateway.middleware.access_log import AccessLog, ChoosyAccessLog
from gateway.middleware.log_choice import LogChoice
from gateway.middleware.log_template import COMBINED, COMMON

_TEMPLATES = {"json": None, "combined": COMBINED, "common": COMMON}


def access_log(
    settings: Settings,
    log_access: Callable[[bytes], None],
    wall_clock: Callable[[], float],
    random: Callable[[], float],
) -> AccessLog | None:
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
    fields, parameters = _key_places(settings)
    options: dict[str, Any] = {
        "fields": _default(settings) if isinstance(said.fields, str) else said.fields,
        "redact_headers": (*said.redact_headers, *fields),
        "redact_query": (*said.redact_query, *parameters),
        "wall_clock": wall_clock,
        "template": _TEMPLATES.get(said.format, said.format),
    }
    if said.sample >= 1.0 and not said.min_status and not said.min_duration and not said.exclude_paths:
        return AccessLog(log_access, **options)
    wants = LogChoice(random, said.sample, said.min_status, said.min_duration, said.exclude_paths)
    return ChoosyAccessLog(wants, log_access, **options)


def _default(settings: Settings) -> tuple[str, ...]:
    """Return the fields of a record, with what rules in dry run would have done where there are any."""
    return (*DEFAULT_RECORD, "dry_run") if has_dry_runs(settings) else DEFAULT_RECORD


def _key_places(settings: Settings) -> tuple[list[str], list[str]]:
    """Return the field and the parameter that API keys come in: whatever else is configured, they are never logged."""
    keys = None if settings.auth is None else settings.auth.api_keys
    if keys is None:
        return [], []
    return [keys.header.lower()], [] if keys.query is None else [keys.query]
