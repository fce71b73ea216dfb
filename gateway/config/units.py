"""Durations and sizes as people write them.

`250ms`, `1h30m` or a number of seconds; `64KiB`, `10MB` or a number of bytes.
What the schema says in words about either comes from here.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import Decimal

from gateway.config.problems import Unexpected

DURATION = "a duration such as 250ms, 10s, 5m, 1h, 1d or 1h30m, or a number of seconds"
SIZE = "a size such as 64KiB, 10MiB or 10MB, or a number of bytes"

SECONDS = {"d": Decimal(86400), "h": Decimal(3600), "m": Decimal(60), "s": Decimal(1), "ms": Decimal("0.001")}
BYTES = {"b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12} | {
    "kib": 2**10,
    "mib": 2**20,
    "gib": 2**30,
    "tib": 2**40,
}

LONGEST = 10 * 366 * 86400.0
LARGEST = 2**53

_NUMBER = r"[0-9]{1,15}(?:\.[0-9]{1,9})?"
_PART = re.compile(rf"({_NUMBER})(ms|d|h|m|s)")
_DURATION = re.compile(rf"(?:{_NUMBER}(?:ms|d|h|m|s))+")
_SPELLED = re.compile(r" *([A-Za-z]+)")
_UNITS = {
    **dict.fromkeys(("second", "seconds", "sec", "secs", "s"), "s"),
    **dict.fromkeys(("minute", "minutes", "min", "mins", "m"), "m"),
    **dict.fromkeys(("hour", "hours", "hr", "hrs", "h"), "h"),
    **dict.fromkeys(("day", "days", "d"), "d"),
    **dict.fromkeys(("millisecond", "milliseconds", "msec", "millis", "ms"), "ms"),
}
_SIZE = re.compile(rf"({_NUMBER})([a-z]+)?", re.IGNORECASE)


def parse_duration(value: object) -> float:
    """Read a duration.

    Parts go from the longest unit to the shortest, each at most once, so that
    `5m1h` is taken for the slip that it is.

    Returns:
        Seconds.
    """
    if isinstance(value, str) and re.fullmatch(_NUMBER, value):
        value = float(value)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        seconds = float(value)
    elif isinstance(value, str) and _DURATION.fullmatch(value):
        parts = _PART.findall(value)
        units = [unit for _, unit in parts]
        if units != [unit for unit in SECONDS if unit in units]:
            raise Unexpected(DURATION)
        seconds = float(sum(Decimal(number) * SECONDS[unit] for number, unit in parts))
    else:
        raise Unexpected(DURATION, _meant(value))
    if not 0 <= seconds <= LONGEST:
        raise Unexpected("a duration from 0s to 3660d")
    return seconds


def _meant(value: object) -> str | None:
    """Say which duration was meant where the units are words, as `10 sec` has them; None where nothing is known."""
    if not isinstance(value, str):
        return None
    short = _SPELLED.sub(lambda unit: _UNITS.get(unit[1].lower(), unit[1]), value.strip()).replace(" ", "")
    return f'"{value}", did you mean `{short}`?' if short != value and _DURATION.fullmatch(short) else None


def parse_timeout(value: object) -> float:
    """Read a duration that cannot be nought."""
    seconds = parse_duration(value)
    if seconds <= 0:
        raise Unexpected("a duration above 0s")
    return seconds


def format_duration(seconds: float) -> str:
    """Write a duration in the largest unit that divides it, so that `parse_duration` reads back the same."""
    exact = Decimal(repr(float(seconds)))
    if not exact:
        return "0s"
    for unit, length in SECONDS.items():
        if exact % length == 0:
            return f"{exact / length:f}{unit}".replace(".0", "")
    return f"{exact:f}s"


def parse_size(value: object) -> int:
    """Read a size.

    Returns:
        Bytes.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        size = Decimal(value)
    elif isinstance(value, str) and (match := _SIZE.fullmatch(value)):
        number, unit = match.groups()
        if unit is not None and unit.lower() not in BYTES:
            raise Unexpected(SIZE)
        size = Decimal(number) * BYTES[(unit or "b").lower()]
    else:
        raise Unexpected(SIZE)
    if size != int(size):
        raise Unexpected("a whole number of bytes")
    if not 0 <= size <= LARGEST:
        raise Unexpected("a size from 0 to 8192TiB")
    return int(size)


def parse_room(value: object) -> int:
    """Read a size that cannot be nought: nothing would fit."""
    size = parse_size(value)
    if not size:
        raise Unexpected("a size above 0")
    return size


def format_size(size: int) -> int | str:
    """Write a size in the largest binary unit that divides it."""
    for unit in ("TiB", "GiB", "MiB", "KiB"):
        count, rest = divmod(size, BYTES[unit.lower()])
        if count and not rest:
            return f"{count}{unit}"
    return size


def parse_moment(value: object) -> float:
    """Read a date, or a date and time, as ISO 8601 writes them; Unix seconds. Without a zone it is UTC."""
    if isinstance(value, (int, float)) and not isinstance(value, bool) and value > 0:
        return float(value)
    if isinstance(value, (date, str)):
        try:
            moment = datetime.fromisoformat(str(value))
        except ValueError:
            pass
        else:
            return (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).timestamp()
    raise Unexpected("a date such as 2027-01-31, or a date and time such as 2027-01-31T12:00:00Z")


def format_moment(seconds: float) -> str:
    """Write Unix seconds as a date and time."""
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")
