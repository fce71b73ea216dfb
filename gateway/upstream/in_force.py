"""The time for which a configuration that is in force has a backend: what is known of it, and what checks it.

Made by `gateway.composition.builders.conditions`, and carried from configuration to configuration. A service beside
`gateway.upstream.standing`, since what is asked for every request inherits from nothing interpreted.

Tests: `tests/upstream/test_standing.py::test_a_backend_that_is_gone_is_forgotten`.
"""

from __future__ import annotations

from twisted.application.service import MultiService

from gateway.upstream.standing import Standing


class InForce(MultiService):
    """Tells a backend's standing when it comes into force and when it leaves.

    The backend's prober, where it has one, is a child and lives as long.

    Attributes:
        standing: What is known of the backend.
    """

    def __init__(self, standing: Standing) -> None:
        super().__init__()
        self.standing = standing

    def startService(self) -> None:
        """The backend is in a configuration in force."""
        self.standing.enter()
        super().startService()

    def stopService(self) -> object:
        """It is in none any more."""
        self.standing.leave()
        return super().stopService()
