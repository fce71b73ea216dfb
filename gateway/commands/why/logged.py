"""Find one exchange in an access log, and say what its record says in the words of `/exchanges/ID`.

Records of every schema with a name are known (`gateway.config.records`); of a schema of somebody's own, the members
that are called as ours are.
"""

from __future__ import annotations

import gzip
import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import nullcontext
from typing import IO, Any, Final

from gateway.config.records import CONSTANT, RECORD_FIELDS, SCHEMAS

_FIELDS: Final[dict[str, str]] = {
    name: field
    for table in (
        *SCHEMAS.values(),
        {field: field for field in RECORD_FIELDS},
        {f"gateway.{f}": f for f in RECORD_FIELDS},
    )
    for name, field in table.items()
    if not field.startswith(CONSTANT)
}
"""Our fields, by each name that they have in a record."""

_NAMES: Final = {
    "request_id": "id",
    "timestamp": "ended",
    "status_code": "status",
    "response_time_ms": "duration_ms",
    "upstream_response_time_ms": "upstream_ms",
    "client_ip": "client",
    "user_id": "principal",
    "upstream_service": "upstream",
    "path_pattern": "pattern",
    "cache": "cached",
    "domain": "host",
}
"""What `/exchanges/ID` calls them, where that differs."""

_NUMBERS: Final = frozenset(
    {"status_code", "response_time_ms", "upstream_response_time_ms", "duration_ns", "attempts", "grpc_status"}
)
"""Fields that are told as numbers; what is none, in a log that somebody has worked over, is not known."""

_OURS: Final = 3
"""Members that a line must have for its file to be an access log of ours."""


class NotOurs(Exception):
    """A file is no access log of the gateway with ids in it; the words are for people."""


def find(path: str, name: str) -> dict[str, Any] | None:
    """Return the exchange of a request id or trace id; of several the last.

    Args:
        path: Of the log; `-` for standard input, and one that ends in `.gz` is unpacked.
        name: The id.

    Returns:
        None where no record has it.

    Raises:
        NotOurs: The file is something else.
        OSError: It cannot be read.
    """
    with _opened(path) as file:
        return found_in(file, path, name)


def found_in(lines: Iterable[bytes], path: str, name: str) -> dict[str, Any] | None:
    """Return the last exchange of an id in lines; see `find`."""
    wanted, found, known, first = name.encode("utf-8", "surrogateescape"), None, False, b""
    for line in lines:
        first = first or line.strip()
        # Most lines are others': they are not read, but for one that shows whose log it is.
        if known and wanted not in line:
            continue
        fields = _fields(line)
        known = known or len(fields) >= _OURS
        if name in (fields.get("request_id"), fields.get("trace_id")):
            found = fields
    if not known:
        raise NotOurs(_what(path, first))
    return None if found is None else told(found)


def told(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a record says, by the names that `/exchanges/ID` has."""
    said = {_NAMES.get(field, field): value for field, value in fields.items()}
    if fields.get("host"):
        said["host"] = fields["host"]
    if said.get("duration_ms") is None and isinstance(fields.get("duration_ns"), int):
        said["duration_ms"] = fields["duration_ns"] / 1e6
    return said


def _fields(line: bytes) -> dict[str, Any]:
    """Return what of a line is ours; nothing where it is no JSON object."""
    if not line.lstrip().startswith(b"{"):
        return {}
    try:
        record = json.loads(line)
        fields = {_FIELDS[name]: value for name, value in _flat(record) if name in _FIELDS}
    except (ValueError, RecursionError):
        return {}
    return {field: value for field, value in fields.items() if field not in _NUMBERS or _is_number(value)}


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _flat(record: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    """Walk the members; what has passed Elasticsearch has levels where the names have dots."""
    for name, value in record.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{before}{name}.")
        else:
            yield before + name, value


def _what(path: str, first: bytes) -> str:
    """Say why a file is not the log that was meant."""
    if not first:
        return f"{path} has no records"
    if first.startswith(b"{"):
        return f"{path} is no access log of the gateway: its records have none of the members of `access_log.schema`"
    if b'" ' in first and b"[" in first:
        return f"{path} has lines of text (`access_log.format`), which have no request ids: `format: json` has"
    return f"{path} is no access log of the gateway: its first line is no JSON object"


def _opened(path: str) -> Any:
    if path == "-":
        return nullcontext(sys.stdin.buffer)
    opened: IO[bytes] = gzip.open(path) if path.endswith(".gz") else open(path, "rb")  # type: ignore[assignment]  # noqa: SIM115, PTH123  # whoever asks closes it
    return opened
