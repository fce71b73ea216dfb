from __future__ import annotations

import pytest

from gateway.config.endpoint_strings import check_arguments, parse
from gateway.config.problems import Unexpected


@pytest.mark.parametrize(
    ("written", "kind", "named"),
    [
        ("tcp:80", "tcp", {}),
        ("tcp:port=80:interface=127.0.0.1", "tcp", {"port": "80", "interface": "127.0.0.1"}),
        (r"tcp:80:interface=\:\:1", "tcp", {"interface": "::1"}),
        (r"ssl:443:certKey=C\:/a\=b.pem", "ssl", {"certKey": "C:/a=b.pem"}),
        ("sni:443:certificates=a,b=c", "sni", {"certificates": "a,b=c"}),
        ("unix:/run/a b.sock:mode=600", "unix", {"mode": "600"}),
        ("sni:443::default=", "sni", {"default": ""}),
    ],
)
def test_the_parts_of_a_string(written: str, kind: str, named: dict[str, str]) -> None:
    """As Twisted takes it apart, escapes included."""
    assert parse(written) == (kind, named)


def test_an_argument_that_is_not_known_is_named() -> None:
    """With the nearest that is."""
    with pytest.raises(Unexpected) as refused:
        check_arguments("ssl:443:certkey=a.pem")

    assert refused.value.found == "`certkey=`, did you mean `certKey`?"


@pytest.mark.parametrize("written", ["systemd:domain=INET:index=0", "haproxy:tcp:port=80", "tls:lets-encrypt:tcp:443"])
def test_kinds_that_are_not_ours_are_left_to_themselves(written: str) -> None:
    """A plugin of Twisted's knows what it takes."""
    check_arguments(written)
