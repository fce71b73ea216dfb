"""What carries the client's end of a tunnel: a connection of HTTP/1.1, or a stream of HTTP/2.

Tests: `tests/flow/test_upgrade.py::test_the_end_of_one_is_the_end_of_the_other`.
"""

from __future__ import annotations

from mypy_extensions import mypyc_attr, trait


@mypyc_attr(allow_interpreted_subclasses=True)
@trait
class Carrying:
    """A way to a client, once nothing of HTTP goes over it any more (`gateway.serving.tunnel`)."""

    __slots__ = ()

    def carry(self, data: bytes) -> None:
        """Send bytes to the client."""
        raise NotImplementedError

    def close(self, aborting: bool = False) -> None:
        """End it once what is written is sent, or (aborting) at once."""
        raise NotImplementedError

    def break_off(self) -> None:
        """The backend has broken off: say so behind what is written, where that can be said."""
        self.close()

    def close_write(self) -> None:
        """Say that we send no more."""
        raise NotImplementedError

    def close_gently(self) -> None:
        """Close, and let the client read what was written."""
        raise NotImplementedError

    def pause_reading(self) -> None:
        """The backend has no room."""
        raise NotImplementedError

    def resume_reading(self) -> None:
        """It has room again."""
        raise NotImplementedError

    def wait_while_silent(self) -> None:
        """Give it up when nothing moves for `timeouts.client_idle` from now on."""
        raise NotImplementedError

    def wait_for_close(self) -> None:
        """Give it up when it is not closed soon."""
        raise NotImplementedError
