"""The channel between a parent and its worker over real sockets."""

# mypy: allow-untyped-calls
# (Twisted's reactors carry few types.)

from __future__ import annotations

import os
import socket

from gateway.processes.channel import Channel, connect, pair
from tests.system.private_reactor import private_reactor


def test_a_long_frame_and_a_descriptor_go_over_a_real_pair_and_the_end_is_noticed() -> None:
    """The descriptor is the same socket, and no child of the receiver's gets it."""
    with private_reactor() as reactor, socket.socket() as handed:
        handed.bind(("127.0.0.1", 0))
        ours, theirs = Channel(reactor, "worker 1"), Channel(reactor, "the parent")
        taken: list[int] = []

        def take(body: str) -> int:
            taken.extend(theirs.received)
            return len(body)

        theirs.on("take", take)
        for descriptor, end in zip(pair(), (ours, theirs), strict=True):
            os.set_blocking(descriptor, False)
            connect(reactor, descriptor, end)

        asked = ours.ask("take", "x" * 3_000_000, descriptors=[handed.fileno()])
        reactor.until(lambda: asked.called)

        assert asked.result == 3_000_000
        with socket.socket(fileno=taken[0]) as received:
            assert received.getsockname() == handed.getsockname()
            assert not received.get_inheritable()
        theirs.close()
        reactor.until(lambda: ours.lost.called and theirs.lost.called)
