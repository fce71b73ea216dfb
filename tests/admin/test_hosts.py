from __future__ import annotations

import pytest

from gateway.admin.hosts import is_own

NAMES = ("gateway.internal", "*.ops.example.com")


@pytest.mark.parametrize(
    "host",
    [
        "localhost", "LOCALHOST:9090", "localhost.", "127.0.0.1", "127.0.0.1:9090", "10.1.2.3", "[::1]", "[::1]:9090",
        "gateway.internal:9090", "Gateway.Internal.", "a.ops.example.com",
    ],
)  # fmt: skip
def test_what_no_page_could_be_called(host: str) -> None:
    """Addresses, `localhost`, and what the configuration lists."""
    assert is_own(host, NAMES)


@pytest.mark.parametrize(
    "host",
    [
        "", "attacker.example", "localhost.attacker.example", "127.0.0.1.attacker.example", "127.0.0.1.nip.io:9090",
        "gateway.internal.attacker.example", "ops.example.com", "b.a.ops.example.com", "attacker.example@localhost",
        "localhost/", "2130706433", "127.1", "[localhost]x", "localhost:80:80",
    ],
)  # fmt: skip
def test_what_a_page_could_be_called(host: str) -> None:
    """Its name may point here all the same."""
    assert not is_own(host, NAMES)
