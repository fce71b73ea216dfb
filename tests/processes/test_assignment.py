"""What a parent tells its worker arrives as it was said."""

from __future__ import annotations

import socket

from gateway.processes.assignment import Assignment
from gateway.transport.inherited import Given


def test_it_is_read_as_it_was_written() -> None:
    """Through the environment, as text."""
    told = Assignment(7, 3, 4, 5, (Given(socket.AF_INET, "", 80, 6),), (("", 80), ("/run/s", 0)))

    assert Assignment.of(told.as_text()) == told
