"""Where the operators' port is. With a whole gateway: `tests/system/test_first_hour.py`."""

from __future__ import annotations

import socket

from gateway.commands.proxying import ADMIN, admin_endpoint
from gateway.transport.inherited import Given, Inherited


def test_it_is_another_one_where_the_default_is_taken() -> None:
    """Another gateway may have it."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        default = taken.getsockname()
        assert admin_endpoint(default) == ADMIN
        assert admin_endpoint(default, Inherited()) == ADMIN
    assert admin_endpoint(default) is None


def test_who_takes_over_has_the_port_of_the_process_before() -> None:
    """That still listens there: the default one, or the one that was free then."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        host, port = taken.getsockname()

        def given(number: int) -> Inherited:
            return Inherited([Given(socket.AF_INET, host, number, taken.fileno())])

        assert admin_endpoint((host, port), given(port)) is None
        assert admin_endpoint((host, port), given(0)) == ADMIN
