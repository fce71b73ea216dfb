"""Settings of `metrics.statsd` into what sends the figures; loaded with the first configuration that has it.

Tests: `tests/flow/test_statsd.py`.
"""

from __future__ import annotations

from gateway.composition.foundation import Foundation
from gateway.config.schema.telemetry import Metrics
from gateway.telemetry.statsd import UDP_MOST, UNIX_MOST, Lines, StatsD
from gateway.telemetry.statsd_socket import DatagramSocket

DROPPED = "gateway_statsd_dropped_total"


def send_figures(said: Metrics, foundation: Foundation) -> None:
    """Have the figures sent while this configuration is in force.

    Args:
        said: The section, with `statsd`.
        foundation: What it is built on.
    """
    statsd = said.statsd
    assert statsd is not None
    own = tuple(said.labels.items())

    def make() -> StatsD:
        outlet = DatagramSocket(statsd.address, foundation.reactor)
        figures, whole = foundation.metrics.samples, foundation.whole
        lines = [Lines(statsd.prefix, tagged=statsd.tags == "dogstatsd", own=dict(own)) for _ in range(2)]
        return StatsD(
            figures if whole is None else lambda: [each for each in figures() if each[0].adds_up],
            lines[0],
            outlet.send,
            UNIX_MOST if statsd.address.startswith("unix:") else UDP_MOST,
            statsd.interval,
            foundation.reactor,
            foundation.metrics.counter(DROPPED).add,
            outlet.close,
            (lambda: None) if whole is None else whole.figures,
            lines[1],
        )

    foundation.carried.get(("statsd", statsd, own), make)
