"""Read moments as access logs write them: ISO 8601, the Common Log Format, and Unix seconds.

Tests: `tests/recorded/test_times.py`.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Final

from gateway.http.remembered import remembered

_MONTHS: Final = {
    name: number
    for number, name in enumerate("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(), 1)  # noqa: SIM905  # as the format's own list reads
}


def moment(written: object) -> float:
    """Return Unix seconds.

    Args:
        written: A number (seconds; from 10**11 on milliseconds, from 10**14 on microseconds, from 10**17 on
            nanoseconds), a text of one, ISO 8601, or as `30/Nov/2026:09:14:00 +0000`. A time without a zone is UTC.

    Raises:
        ValueError: It is none of these.
    """
    if isinstance(written, (int, float)) and not isinstance(written, bool):
        return _scaled(float(written))
    if not isinstance(written, str):
        raise ValueError("no time")
    if written[2:3] == "/" and written[11:12] == ":":
        return _known_common(written)
    if written[4:5] == "-":
        whole, point, rest = written.partition(".")
        if not point:
            return _known_iso(written)
        digits = len(rest) - len(rest.lstrip("0123456789"))
        return _known_iso(whole + rest[digits:]) + float(f"0.{rest[:digits] or '0'}")
    return _scaled(float(written))


def _scaled(number: float) -> float:
    # Seconds have ten digits until the year 2286: what has more counts something smaller.
    for least, divisor in ((1e17, 1e9), (1e14, 1e6), (1e11, 1e3)):
        if number >= least:
            return number / divisor
    return number


def _iso(written: str) -> float:
    at = datetime.fromisoformat(written)
    return (at if at.tzinfo is not None else at.replace(tzinfo=UTC)).timestamp()


def _common(written: str) -> float:
    """Read `30/Nov/2026:09:14:00 +0000`; the names of months are English, whatever the locale of the process is."""
    day, month, rest = written[:20].split("/")
    year, hour, minute, second = map(int, rest.split(":"))
    if month not in _MONTHS:
        raise ValueError(f"no month is called {month}")
    offset = timedelta()
    if zone := written[20:].strip():
        offset = timedelta(hours=int(zone[1:3]), minutes=int(zone[3:5]))
        offset = -offset if zone[0] == "-" else offset
    return datetime(year, _MONTHS[month], int(day), hour, minute, second, tzinfo=timezone(offset)).timestamp()


# Many lines have the same second.
_known_iso: Final = remembered(_iso, most=1024, longest=64)
_known_common: Final = remembered(_common, most=1024, longest=64)
