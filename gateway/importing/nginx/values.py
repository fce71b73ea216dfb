"""Values of nginx as ours: times, sizes, and texts with variables.

Tests: `tests/importing/nginx/test_values.py`.
"""

from __future__ import annotations

import re
from typing import Final

from gateway.importing.draft import Template

_TIME: Final = re.compile(r"([0-9]+)(ms|s|m|h|d|w|M|y)?")
_SECONDS: Final = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604_800, "M": 2_592_000, "y": 31_536_000}
_SIZE: Final = re.compile(r"([0-9]+)([kKmMgG]?)")
_UNITS: Final = {"": "", "k": "KiB", "m": "MiB", "g": "GiB"}
_VARIABLE: Final = re.compile(r"\$(?:\{([A-Za-z0-9_]+)\}|([A-Za-z0-9_]+))")

_NAMES: Final = {
    "remote_addr": "client_ip",
    "realip_remote_addr": "client_ip",
    "host": "header.Host",
    "http_host": "header.Host",
    "request_id": "request_id",
    "request_method": "method",
    "uri": "path",
    "document_uri": "path",
    "status": "status",
}
"""Variable to the runtime name of ours that has the same value."""


class Unsayable(ValueError):
    """A text has a variable that has no counterpart here; its name, with `$`, is in `args`."""


def duration(written: str) -> str:
    """Return a time of nginx (`60`, `1m30s`) as ours.

    Raises:
        ValueError: It is none.
    """
    parts = _TIME.findall(written)
    if not parts or "".join(number + unit for number, unit in parts) != written:
        raise ValueError(written)
    if len(parts) == 1 and parts[0][1] in ("ms", "s", "m", "h", "d"):
        return written
    seconds = sum(int(number) * _SECONDS[unit or "s"] for number, unit in parts)
    return f"{round(seconds * 1000)}ms" if seconds % 1 else f"{round(seconds)}s"


def seconds(written: str) -> float:
    """Return a time of nginx in seconds.

    Raises:
        ValueError: It is none.
    """
    duration(written)
    return float(sum(int(number) * _SECONDS[unit or "s"] for number, unit in _TIME.findall(written)))


def size(written: str) -> str | int:
    """Return a size of nginx (`8k`, `1m`) as ours.

    Raises:
        ValueError: It is none.
    """
    match = _SIZE.fullmatch(written)
    if match is None:
        raise ValueError(written)
    unit = _UNITS[match[2].lower()]
    return f"{match[1]}{unit}" if unit and int(match[1]) else int(match[1])


def variables(written: str) -> list[str]:
    """Return the names of the variables in a text."""
    return [braced or bare for braced, bare in _VARIABLE.findall(written)]


def text(written: str, constants: dict[str, str] | None = None) -> Template:
    """Return a text whose variables are runtime names of ours.

    Args:
        written: As nginx has it.
        constants: Variables that are the same for every request of the place, such as `server_name`.

    Raises:
        Unsayable: There is a variable that has no counterpart.
    """
    known = constants or {}
    found: list[str] = []
    offset = 0
    for match in _VARIABLE.finditer(written):
        name = match[1] or match[2]
        found.append(written[offset : match.start()].replace("${", "$${"))
        found.append(known[name] if name in known else f"${{{_runtime(name)}}}")
        offset = match.end()
    return Template("".join(found) + written[offset:].replace("${", "$${"))


def _runtime(name: str) -> str:
    if name in _NAMES:
        return _NAMES[name]
    if name.startswith("http_"):
        return f"header.{field_name(name.removeprefix('http_'))}"
    if name.startswith("arg_"):
        return f"query.{name.removeprefix('arg_')}"
    raise Unsayable(f"${name}")


def field_name(name: str) -> str:
    """Return the field that a variable such as `http_x_tenant` is named after: `X-Tenant`."""
    return "-".join(part.capitalize() for part in name.split("_"))
