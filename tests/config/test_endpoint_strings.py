from __future__ import annotations

import pytest

from gateway.config.endpoint_strings import address_of, check_arguments, on_this_machine, parse, port_of
from gateway.config.patterns import endpoint
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


@pytest.mark.parametrize("written", ["systemd:domain=INET:index=0", "haproxy:tcp:port=80", "tls:/etc/live:443"])
def test_kinds_that_are_not_ours_are_left_to_themselves(written: str) -> None:
    """A plugin of Twisted's knows what it takes, and in what order: a directory stands before the port of `tls:`."""
    check_arguments(written)
    assert endpoint(written) == written


@pytest.mark.parametrize(
    ("written", "port", "address"),
    [
        ("tcp:80", ("", "80"), ":80"),
        ("ssl:80:privateKey=k.pem:interface=0.0.0.0", ("", "80"), ":80"),
        ("sni:port=443:interface=127.0.0.1:certificates=a", ("127.0.0.1", "443"), "127.0.0.1:443"),
        ("tcp:0", None, "tcp:0"),
        ("unix:/run/a.sock:mode=660", None, "unix:/run/a.sock"),
        ("unix:mode=660:address=/run/a.sock", None, "unix:/run/a.sock"),
        ("systemd:domain=INET:index=0", None, "systemd:domain=INET:index=0"),
    ],
)
def test_the_address_of_an_endpoint(written: str, port: tuple[str, str] | None, address: str) -> None:
    """The same whatever its kind and its files; a port that the system chooses is none."""
    assert port_of(written) == port
    assert address_of(written) == address


@pytest.mark.parametrize(
    ("written", "local"),
    [
        ("tcp:80", False),
        ("tcp:80:interface=127.0.0.2", True),
        ("tcp6:80:interface=\\:\\:1", True),
        ("sni:interface=localhost:port=443", True),
        ("tcp:80:interface=0.0.0.0", False),
        ("tcp:80:interface=10.0.0.1", False),
        ("unix:/run/gateway.sock", True),
        ("systemd:domain=INET:index=0", False),
    ],
)
def test_which_endpoints_are_for_this_machine_alone(written: str, local: bool) -> None:
    """Those of the loopback interface and of the file system; of others nobody can tell."""
    assert on_this_machine(written) is local
