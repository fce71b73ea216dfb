"""How moments of access logs are read."""

from __future__ import annotations

import pytest

from gateway.recorded.times import moment


@pytest.mark.parametrize(
    "written",
    [
        "2026-11-30T09:14:00.250Z",
        "2026-11-30T10:14:00.250+01:00",
        "2026-11-30 09:14:00.250",
        "2026-11-30T09:14:00.250000000Z",
        "1796030040.250",
        1796030040250,
        1796030040250000,
        1796030040250000000,
    ],
)
def test_a_moment_is_the_same_however_it_is_written(written: object) -> None:
    """ISO 8601 with any zone and any digits, seconds, and what counts something smaller than seconds."""
    assert moment(written) == pytest.approx(1796030040.25, abs=1e-3)


@pytest.mark.parametrize(
    "written", ["30/Nov/2026:09:14:00 +0000", "30/Nov/2026:04:14:00 -0500", "30/Nov/2026:09:14:00"]
)
def test_the_common_log_format_has_a_zone(written: str) -> None:
    """Without one it is UTC."""
    assert moment(written) == 1796030040


@pytest.mark.parametrize(
    "written", ["", "yesterday", "30/Mai/2026:09:14:00 +0000", "2026-13-01T00:00:00Z", None, True, []]
)
def test_what_is_no_moment_is_refused(written: object) -> None:
    """With the error that values have."""
    with pytest.raises(ValueError):
        moment(written)
