"""Times, sizes and variables of nginx."""

from __future__ import annotations

import pytest

from gateway.importing.nginx import values


@pytest.mark.parametrize(
    ("written", "ours", "seconds"),
    [
        ("60", "60s", 60),
        ("60s", "60s", 60),
        ("500ms", "500ms", 0.5),
        ("1m30s", "90s", 90),
        ("1h", "1h", 3600),
        ("1w", "604800s", 604_800),
        ("1s500ms", "1500ms", 1.5),
    ],
)
def test_times(written: str, ours: str, seconds: float) -> None:
    """A number alone is seconds; what is put together becomes one number."""
    assert values.duration(written) == ours
    assert values.seconds(written) == seconds


@pytest.mark.parametrize("written", ["soon", "1x", "-1s"])
def test_what_is_no_time(written: str) -> None:
    """An error, and no guess."""
    with pytest.raises(ValueError, match=written):
        values.duration(written)


@pytest.mark.parametrize(("written", "ours"), [("0", 0), ("1m", "1MiB"), ("64K", "64KiB"), ("1024", 1024), ("0m", 0)])
def test_sizes(written: str, ours: str | int) -> None:
    """Units of nginx are powers of two."""
    assert values.size(written) == ours


def test_texts_with_variables() -> None:
    """Variables become runtime names, constants what they stand for, and `${` of the text stays itself."""
    text = values.text("$remote_addr/${http_x_tenant}/$arg_page/$server_name/$", {"server_name": "a.example"})

    assert text == "${client_ip}/${header.X-Tenant}/${query.page}/a.example/$"


def test_a_variable_without_counterpart() -> None:
    """It is named."""
    with pytest.raises(values.Unsayable, match=r"\$upstream_addr"):
        values.text("at $upstream_addr")
