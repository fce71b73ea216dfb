from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from gateway.config import ConfigError, Settings
from gateway.config.schema.statsd import StatsD

Load = Callable[..., Settings]


def test_the_defaults_are_those_of_the_contract() -> None:
    """Datadog's agent on the same host."""
    assert StatsD().model_dump() == {
        "address": "127.0.0.1:8125",
        "prefix": "gateway",
        "interval": 1.0,
        "tags": "dogstatsd",
    }


@pytest.mark.parametrize("address", ["statsd.internal:8125", "[::1]:8125", "unix:/run/statsd.sock"])
def test_where_it_may_be(load_text: Load, address: str) -> None:
    """A name, an address of either family, a socket."""
    said = load_text(f"metrics: {{statsd: {{address: '{address}'}}}}").metrics.statsd

    assert said is not None
    assert said.address == address


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("{address: localhost}", "an address and port"),
        ("{address: 'localhost:0'}", "an address and port"),
        ("{address: '::1:8125'}", "an address and port"),
        ("{address: 'unix:run'}", "an address and port"),
        ("{prefix: 'a b'}", "letters, digits"),
        ("{interval: 1ms}", "a duration from 100ms up"),
        ("{tags: influx}", "metrics.statsd.tags"),
    ],
)
def test_what_is_refused(load_text: Load, written: str, words: str) -> None:
    """With the key and what was wanted."""
    with pytest.raises(ConfigError, match=re.escape(words)):
        load_text(f"metrics: {{statsd: {written}}}")
