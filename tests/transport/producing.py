"""What produces for a transport, and notes what it is told."""

from __future__ import annotations


class Producer:
    """Notes when it has to pause, to go on and to stop."""

    def __init__(self) -> None:
        self.events: list[str] = []

    def pauseProducing(self) -> None:
        self.events.append("pause")

    def resumeProducing(self) -> None:
        self.events.append("resume")

    def stopProducing(self) -> None:
        self.events.append("stop")
