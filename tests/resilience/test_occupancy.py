"""Exchanges, and places held."""

from __future__ import annotations

from gateway.resilience.occupancy import Occupancy


def test_what_still_arrives_holds_no_place() -> None:
    """It is in flight all the same: a drain waits for it."""
    occupancy = Occupancy()
    occupancy.in_flight = 3
    occupancy.arriving.add("slow")

    assert (occupancy.in_flight, occupancy.places_held) == (3, 2)
