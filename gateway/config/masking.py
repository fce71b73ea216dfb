"""What is secret in a configuration, taken out before anybody is shown it.

Asked wherever a configuration is shown: `GET /config`, `/routes`, `gateway
config`, `gateway routes`, the messages about what is wrong, the log. Whoever
reads those may see what is configured, and no credential: values under the
`secret_keys` of a section, and what stands before the host and after the `?`
of a URL.
"""

from __future__ import annotations

import re
from typing import Any

from gateway.config import catalog
from gateway.config.schema.base import Section
from gateway.config.texts import MASK, without_credentials

# Names that are filled in for each request: what they say is in no configuration.
_RUNTIME = re.compile(r"(?:\$\{[A-Za-z_][\w.-]*\})+")


def mask(data: dict[str, Any], section: type[Section]) -> None:
    """Mask, in place, what is secret in the plain data of a section."""
    for key, value in data.items():
        if key in section.secret_keys:
            data[key] = hidden(value)
            continue
        field = catalog.field_of(section, key)
        below = catalog.below(field.annotation) if field is not None else None
        if below is not None:
            _below(value, below.section, below.between)


def hidden(value: Any) -> Any:
    """Mask every value in `value`; that there is one, and that nothing is, stays to be seen."""
    if isinstance(value, dict):
        return {key: hidden(item) for key, item in value.items()}
    if isinstance(value, list):
        return [hidden(item) for item in value]
    if value is None or isinstance(value, bool) or value in ("", "*"):
        return value
    if isinstance(value, str):
        if "://" in value:
            return without_credentials(value)
        if _RUNTIME.fullmatch(value):
            return value
    return MASK


def _below(value: Any, section: type[Section], between: str) -> None:
    """Mask what lies under a key; `between` as in `catalog.Below`."""
    if between.startswith("[]") and isinstance(value, list):
        for item in value:
            _below(item, section, between[2:])
    elif between.startswith(".*") and isinstance(value, dict):
        for item in value.values():
            _below(item, section, between[2:])
    elif isinstance(value, dict):
        mask(value, section)
